// Who calls whom, by the addresses that containers are given.
#include "workloads/traffic/service_calls.hpp"

#include <gtest/gtest.h>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

std::string app(const std::string& name, const std::string& container, const std::string& name_space = "default") {
  return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + ", namespace: " + name_space +
         "}\nspec: {selector: {app: " + name + "}, ports: [{port: 80}]}\n---\n" +
         "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + ", namespace: " + name_space +
         "}\nspec:\n  selector: {matchLabels: {app: " + name + "}}\n  template:\n    metadata: {labels: {app: " + name +
         "}}\n    spec:\n      containers:\n      - {name: c, image: i" + container + "}\n---\n";
}

std::string env(const std::string& name, const std::string& value) {
  return ", env: [{name: " + name + ", value: '" + value + "'}]";
}

// "a→b c" for each Service that calls somebody.
std::string calls_of(const std::string& yaml) {
  manifest::Manifests manifests;
  manifest::read_manifest(yaml, "t.yaml", manifests);
  manifests.require_good();
  const ServiceCalls found = find_service_calls(manifests);
  std::string out;
  for (const ServiceCalls::Service& s : found.services) {
    if (s.calls.empty()) continue;
    out += (out.empty() ? "" : "; ") + s.key + " →";
    for (const std::size_t callee : s.calls) out += " " + found.services[callee].key;
  }
  for (const std::string& edge : found.left_out) out += " without " + edge;
  return out;
}

struct Given {
  const char* name;
  const char* value;
  const char* calls;  // Of front.
};

TEST(ServiceCalls, AnAddressIsToldFromAWord) {
  const Given table[] = {
      {"CART", "cart:7070", "default/front → default/cart"},
      {"CART", "http://cart/items", "default/front → default/cart"},
      {"CART", "redis://user@cart/0", "default/front → default/cart"},
      {"CART_HOST", "cart", "default/front → default/cart"},
      {"CART_ADDR", "cart.default.svc.cluster.local", "default/front → default/cart"},
      {"ALL", "db:1,cart:2", "default/front → default/db default/cart"},
      {"MYSQL_USER", "cart", ""},             // A word that is also a Service's name.
      {"CART", "cart:latest", ""},            // An image.
      {"CART_HOST", "cart.example.com", ""},  // Another's.
      {"CART_HOST", "carts", ""},             // No Service of that name.
      {"CART_HOST", "cart.other", ""},        // No such namespace.
      {"SELF_ADDR", "front:80", ""},          // Itself.
  };
  for (const Given& g : table) {
    EXPECT_EQ(calls_of(app("front", env(g.name, g.value)) + app("cart", "") + app("db", "")), g.calls)
        << g.name << "=" << g.value;
  }
}

TEST(ServiceCalls, CommandLinesNamespacesAndCircles) {
  EXPECT_EQ(calls_of(app("front", ", command: [run, '--db=db.data:5432']") + app("db", "", "data")),
            "default/front → data/db");
  EXPECT_EQ(calls_of(app("a", env("B_ADDR", "b:1")) + app("b", env("C_ADDR", "c:1")) + app("c", env("A_ADDR", "a:1"))),
            "default/a → default/b; default/b → default/c without default/c → default/a");
}

TEST(ServiceCalls, PlainTrafficReachesWhatIsCalled) {
  manifest::Manifests manifests;
  manifest::read_manifest(app("db", "") + app("alone", "") + app("front", env("DB_ADDR", "db:1")), "t.yaml", manifests);
  const ServiceCalls calls = find_service_calls(manifests);
  const TrafficFile traffic = plain_traffic(calls, {{"front", 10}});
  ASSERT_EQ(traffic.services.size(), 2U);  // Nothing comes to `alone`.
  EXPECT_EQ(traffic.services[0].name, "default/front");
  EXPECT_EQ(traffic.services[1].name, "default/db");
  ASSERT_EQ(traffic.services[0].work.groups.size(), 1U);
  EXPECT_EQ(traffic.services[0].work.groups[0][0].service, ServiceId{1});
  EXPECT_EQ(traffic.sources[0].spec.call.service, ServiceId{0});
  try {
    (void)plain_traffic(calls, {{"fron", 10}});
    FAIL();
  } catch (const InputError& e) {
    EXPECT_NE(std::string(e.what()).find("did you mean \"front\"?"), std::string::npos) << e.what();
  }
}

TEST(ServiceCalls, Rates) {
  EXPECT_DOUBLE_EQ(parse_plain_source("front=6e3/m", "t").rate, 100);
  EXPECT_EQ(parse_plain_source("shop/front=1/s", "t").service, "shop/front");
  for (const char* bad :
       {"front", "=1/s", "front=", "front=1", "front=0/s", "front=-1/s", "front=1/w", "front=inf/s"}) {
    EXPECT_THROW((void)parse_plain_source(bad, "t"), InputError) << bad;
  }
}

}  // namespace
}  // namespace berth
