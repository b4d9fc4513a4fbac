// The registry: everything in it can be made, says what it takes, and answers a wrong name with the nearest one.
#include "policies/registry.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

using Schedulers = Registry<Scheduler>;

std::string message_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const InputError& e) {
    return e.what();
  }
  return "<no error>";
}

TEST(Registry, HoldsTheSchedulers) {
  const auto infos = Schedulers::instance().list();
  std::vector<std::string> names;
  for (const auto& info : infos) {
    names.push_back(info.name);
    EXPECT_FALSE(info.help.empty()) << info.name;
    for (const Params::Declared& p : info.params) EXPECT_FALSE(p.help.empty()) << info.name << " " << p.name;
  }
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  for (const char* name :
       {"balanced", "best-fit", "dot-product", "drf", "e-pvm", "fgd", "first-fit", "gpu-clustering", "gpu-packing",
        "least-allocated", "min-cost-flow", "most-allocated", "power-of-k", "random", "round-robin", "worst-fit"}) {
    EXPECT_TRUE(std::binary_search(names.begin(), names.end(), name)) << name;
  }
}

TEST(Registry, DeclaredDefaultsAreAcceptedWhenSpeltOut) {
  for (const auto& info : Schedulers::instance().list()) {
    PolicySpec spec{info.name, {}};
    EXPECT_NE(Schedulers::instance().make(spec), nullptr);
    for (const Params::Declared& p : info.params) spec.params[p.name] = p.fallback;
    EXPECT_NO_THROW(Schedulers::instance().make(spec)) << spec.to_string();
  }
}

TEST(Registry, ListsParametersAsTheyAreRead) {
  for (const auto& info : Schedulers::instance().list()) {
    if (info.name != "power-of-k") continue;
    ASSERT_EQ(info.params.size(), 1U);
    EXPECT_EQ(info.params[0].name, "k");
    EXPECT_EQ(info.params[0].fallback, "2");
    EXPECT_EQ(info.params[0].range, "1..1000");
    return;
  }
  FAIL() << "no power-of-k";
}

TEST(Registry, RefusesWhatItDoesNotKnow) {
  Schedulers& r = Schedulers::instance();
  EXPECT_EQ(message_of([&] {
              r.make({"best-fti", {}});
            }),
            "unknown scheduler \"best-fti\"; did you mean \"best-fit\"?; `berth policies` lists them");
  EXPECT_EQ(message_of([&] {
              r.make({"zzzzzzzz", {}});
            }),
            "unknown scheduler \"zzzzzzzz\"; `berth policies` lists them");
  EXPECT_EQ(message_of([&] {
              r.make({"best-fit", {{"k", "4"}}});
            }),
            "policy \"best-fit\" has no parameter \"k\"; it takes none");
  EXPECT_EQ(message_of([&] {
              r.make({"power-of-k", {{"kk", "4"}}});
            }),
            "policy \"power-of-k\" has no parameter \"kk\"; expected k; did you mean \"k\"?");
  EXPECT_EQ(message_of([&] {
              r.make({"power-of-k", {{"k", "0"}}});
            }),
            "policy \"power-of-k\": k is \"0\"; expected a whole number in 1..1000");
}

class Nothing final : public Scheduler {
 public:
  void schedule(const Context&, Actions&) override {}
};
std::unique_ptr<Scheduler> make_nothing(const Params&) {
  return std::make_unique<Nothing>();
}

TEST(Registry, NamesAreUniqueAndTheAbiMustMatch) {
  Schedulers& r = Schedulers::instance();
  const std::size_t before = r.list().size();
  EXPECT_EQ(message_of([&] { r.add("best-fit", "again", make_nothing, kPluginAbi); }),
            "policy \"best-fit\" is registered twice");
  EXPECT_NE(message_of([&] { r.add("from-the-past", "old", make_nothing, kPluginAbi - 1); }).find("build it anew"),
            std::string::npos);
  // As static objects do it: no exception, the message is kept, the first one counts.
  r.add_quietly("best-fit", "again", make_nothing, kPluginAbi);
  r.add_quietly("from-the-past", "old", make_nothing, kPluginAbi - 1);
  EXPECT_EQ(r.take_trouble(), "policy \"best-fit\" is registered twice");
  EXPECT_EQ(r.take_trouble(), "");
  EXPECT_EQ(r.list().size(), before);
}

}  // namespace
}  // namespace berth
