// Policies by name. A policy registers itself from its own file (or its own shared object) with one static object:
//   const Register<Scheduler, FirstFit> kRegistered{"first-fit", "the first node in order that fits"};
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policies/params.hpp"
#include "policies/policy.hpp"

namespace berth {

// What a plug-in was built against: changes whenever a plug-in would have to be built anew.
inline constexpr int kPluginAbi = 4;

template <class Kind>
class Registry {
 public:
  using Factory = std::unique_ptr<Kind> (*)(const Params&);
  struct Info {
    std::string name;
    std::string help;
    std::vector<Params::Declared> params;
  };

  static Registry& instance();

  // Before main(), or while a plug-in loads; not thread-safe. Throws InputError if the name is taken or the ABI
  // differs.
  void add(const char* name, const char* help, Factory factory, int abi);
  // For static objects: no exception may leave a shared object's initialisers. What add() refuses is kept for
  // take_trouble(), which gives the first such message since it was last asked, or "".
  void add_quietly(const char* name, const char* help, Factory factory, int abi) noexcept;
  std::string take_trouble() { return std::exchange(trouble_, {}); }

  // Throws InputError on an unknown name (with did-you-mean), an unknown parameter or a bad value.
  std::unique_ptr<Kind> make(const PolicySpec& spec) const;
  // All policies by name.
  std::vector<Info> list() const;

 private:
  struct Item {
    std::string name;
    std::string help;
    Factory factory;
  };
  std::vector<Item> items_;  // Sorted by name.
  std::string trouble_;
};

template <class Kind, class Policy>
class Register {
 public:
  Register(const char* name, const char* help) {
    Registry<Kind>::instance().add_quietly(
        name, help, [](const Params& p) -> std::unique_ptr<Kind> { return construct(p); }, kPluginAbi);
  }

 private:
  static std::unique_ptr<Kind> construct(const Params& p) {
    if constexpr (std::is_constructible_v<Policy, const Params&>) {
      return std::make_unique<Policy>(p);
    } else {
      return std::make_unique<Policy>();
    }
  }
};

}  // namespace berth
