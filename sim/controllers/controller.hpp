// What all controllers share: a store to read and write, a queue of keys to look at, the clock. A controller watches
// the store, notes the keys that a change concerns, and brings one key at a time from what is to what ought to be
// (sync). It keeps nothing that it could not work out again from the store, but for back-offs and timers.
#pragma once

#include "sim/controllers/store.hpp"
#include "sim/controllers/work_queue.hpp"

namespace berth::controllers {

class Controller : public Watcher {
 public:
  // Both must outlive the controller, and the controller every change of the store.
  Controller(Store& store, WorkQueue& work)
      : store_(store), queue_(work, [this](KeyQueue::Key key) {
          if (sync(key)) {
            queue_.forget(key);
          } else {
            queue_.add_rate_limited(key);
          }
        }) {
    store.watch(this);
  }
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  // Brings one object (its number among its kind) one step on. False: a write met a newer version (a conflict); it is
  // tried again after a back-off. Objects that are gone are fine.
  virtual bool sync(KeyQueue::Key key) = 0;
  // One sync out of turn, for Store::set_after_write; false if no key is ready.
  bool run_one() { return queue_.run_one(); }

 protected:
  Time now() const { return store_.now(); }

  Store& store_;
  KeyQueue queue_;
};

}  // namespace berth::controllers
