#include "workloads/compose/merge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "workloads/compose/short_syntax.hpp"

namespace berth::compose {
namespace {

using namespace std::string_view_literals;

const char* kind_name(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return "empty";
    case Node::Kind::kScalar:
      return "a single value";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "a map";
  }
  return "";
}

template <std::size_t kCount>
bool among(std::string_view key, const std::array<std::string_view, kCount>& keys) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

// Keys to positions, for maps that may be large.
class Index {
 public:
  explicit Index(const Node& map) {
    for (std::size_t i = 0; i < map.keys.size(); ++i) at_.emplace(map.keys[i], i);
  }
  std::size_t* find(const std::string& key) {
    const auto at = at_.find(key);
    return at == at_.end() ? nullptr : &at->second;
  }
  void add(const std::string& key, std::size_t at) { at_.emplace(key, at); }

 private:
  std::unordered_map<std::string, std::size_t> at_;  // Never iterated.
};

// ["A=1", "B"] -> {A: "1", B: null}; of equal names the last counts.
void list_to_map(Node& node, const std::string& path, bool pairs) {
  if (!node.is_list()) return;
  Node map = node.sibling(Node::Kind::kMap);
  map.tag = node.tag;
  Index index(map);
  for (Node& item : node.items) {
    if (!item.is_scalar()) {
      fail_at(item.place(), path,
              fmt::format("has an item that is {}; expected a name{}", kind_name(item), pairs ? " or NAME=value" : ""));
    }
    const std::size_t equals = pairs ? item.text.find('=') : std::string::npos;
    std::string key = item.text.substr(0, equals);
    if (key.empty()) fail_at(item.place(), path, "has an item without a name; expected NAME=value");
    Node value = item.sibling(equals == std::string::npos ? Node::Kind::kNull : Node::Kind::kScalar);
    value.key_line = item.line;
    value.key_column = item.column;
    value.quoted = true;
    if (equals != std::string::npos) value.text = item.text.substr(equals + 1);
    if (std::size_t* at = index.find(key)) {
      map.items[*at] = std::move(value);
    } else {
      index.add(key, map.items.size());
      map.put(std::move(key), std::move(value));
    }
  }
  node = std::move(map);
}

void scalar_to_list(Node& node) {
  if (!node.is_scalar()) return;
  Node list = node.sibling(Node::Kind::kList);
  list.tag = node.tag;
  list.items.push_back(std::move(node));
  node = std::move(list);
}

void pairs_below(Node* parent, const std::string& path, std::initializer_list<const char*> keys) {
  if (parent == nullptr || !parent->is_map()) return;
  for (const char* key : keys) {
    if (Node* value = parent->find(key)) list_to_map(*value, fmt::format("{}.{}", path, key), true);
  }
}

void canonicalize_service(Node& service, const std::string& path) {
  if (!service.is_map()) return;  // Said when it is read.
  if (Node* build = service.find("build"); build != nullptr && build->is_scalar()) {
    Node map = build->sibling(Node::Kind::kMap);
    map.tag = build->tag;
    Node context = *build;
    context.tag = Node::Tag::kNone;
    map.put("context", std::move(context));
    *build = std::move(map);
  }
  pairs_below(&service, path, {"environment", "labels", "annotations", "sysctls"});
  pairs_below(service.find("build"), path + ".build", {"args", "labels", "additional_contexts"});
  pairs_below(service.find("deploy"), path + ".deploy", {"labels"});
  if (Node* networks = service.find("networks")) list_to_map(*networks, path + ".networks", false);
  if (Node* depends = service.find("depends_on"); depends != nullptr && depends->is_list()) {
    list_to_map(*depends, path + ".depends_on", false);
    for (Node& item : depends->items) {
      Node map = item.sibling(Node::Kind::kMap);
      Node condition = item.sibling(Node::Kind::kScalar);
      condition.text = "service_started";
      map.put("condition", std::move(condition));
      item = std::move(map);
    }
  }
  for (const char* key : {"env_file", "label_file", "dns", "dns_search", "tmpfs"}) {
    if (Node* value = service.find(key)) scalar_to_list(*value);
  }
}

// What makes two items of a list the same thing; empty: nothing does.
std::string unique_key(std::string_view list, const Node& item) {
  const auto field = [&item](const char* key) {
    const Node* value = item.find(key);
    return value != nullptr && value->is_scalar() ? value->text : std::string();
  };
  std::string ignored;
  if (list == "ports") {
    if (item.is_map()) {
      const std::string ip = field("host_ip");
      const std::string protocol = field("protocol");
      return fmt::format("{}:{}:{}/{}", ip.empty() ? "0.0.0.0" : ip, field("published"), field("target"),
                         protocol.empty() ? "tcp" : protocol);
    }
    const std::optional<ShortPort> port = parse_short_port(item.text, ignored);
    if (!port) return item.text;
    const auto range = [](const PortRange& r) {
      return r.first == r.last ? fmt::format("{}", r.first) : fmt::format("{}-{}", r.first, r.last);
    };
    return fmt::format("{}:{}:{}/{}", port->host_ip, port->published ? range(*port->published) : "",
                       range(port->target), port->protocol);
  }
  if (list == "volumes") {
    if (item.is_map()) return field("target");
    const std::optional<ShortMount> mount = parse_short_mount(item.text, ignored);
    return mount ? mount->target : item.text;
  }
  if (list == "configs" || list == "secrets") {
    const std::string folder = list == "secrets" ? "/run/secrets/" : "/";
    if (!item.is_map()) return folder + item.text;
    const std::string target = field("target");
    if (target.empty()) return folder + field("source");
    return target.starts_with('/') ? target : folder + target;
  }
  if (list == "env_file") return item.is_map() ? field("path") : item.text;
  return item.is_scalar() ? item.text : std::string();
}

// Lists in which an item that is there already is not repeated.
constexpr std::array kUnique{"ports"sv,    "volumes"sv, "configs"sv,   "secrets"sv, "env_file"sv,  "expose"sv,
                             "profiles"sv, "cap_add"sv, "cap_drop"sv,  "dns"sv,     "dns_opt"sv,   "dns_search"sv,
                             "devices"sv,  "links"sv,   "group_add"sv, "tmpfs"sv,   "label_file"sv};

void enforce_unique(Node& list, std::string_view name) {
  if (!list.is_list()) return;
  std::unordered_map<std::string, std::size_t> seen;  // Never iterated.
  std::vector<Node> kept;
  kept.reserve(list.items.size());
  for (Node& item : list.items) {
    const std::string key = unique_key(name, item);
    const auto [at, added] = key.empty() ? std::pair(seen.end(), true) : seen.emplace(key, kept.size());
    if (added) {
      kept.push_back(std::move(item));
    } else {
      kept[at->second] = std::move(item);
    }
  }
  list.items = std::move(kept);
}

void merge_value(Node& base, Node over, const std::string& path);

// `each` merges one member that both have.
template <class Each>
void merge_members(Node& base, Node over, Each&& each) {
  Index index(base);
  std::vector<bool> gone(base.items.size(), false);
  bool any_gone = false;
  for (std::size_t i = 0; i < over.items.size(); ++i) {
    Node& value = over.items[i];
    const std::string& key = over.keys[i];
    std::size_t* at = index.find(key);
    if (value.tag == Node::Tag::kReset) {
      if (at != nullptr) any_gone = gone[*at] = true;
    } else if (at == nullptr) {
      index.add(key, base.items.size());
      base.put(key, std::move(value));
      gone.push_back(false);
    } else if (value.tag == Node::Tag::kOverride || key.starts_with("x-")) {
      value.tag = Node::Tag::kNone;
      base.items[*at] = std::move(value);
    } else {
      each(base.items[*at], std::move(value), key);
    }
  }
  if (!any_gone) return;
  Node left = base.sibling(Node::Kind::kMap);
  for (std::size_t i = 0; i < base.items.size(); ++i) {
    if (!gone[i]) left.put(std::move(base.keys[i]), std::move(base.items[i]));
  }
  base = std::move(left);
}

void merge_value(Node& base, Node over, const std::string& path) {
  if (over.is_null()) return;
  if (base.is_null() || base.is_scalar()) {
    if (base.is_scalar() && !over.is_scalar()) {
      fail_at(over.place(), path,
              fmt::format("is {} here and a single value at {}; expected one kind in all files", kind_name(over),
                          to_string(base.place())));
    }
    base = std::move(over);
    return;
  }
  if (base.kind != over.kind) {
    fail_at(over.place(), path,
            fmt::format("is {} here and {} at {}; expected one kind in all files", kind_name(over), kind_name(base),
                        to_string(base.place())));
  }
  if (base.is_list()) {
    for (Node& item : over.items) base.items.push_back(std::move(item));
    return;
  }
  merge_members(base, std::move(over), [&path](Node& to, Node from, const std::string& key) {
    merge_value(to, std::move(from), fmt::format("{}.{}", path, key));
  });
}

// Maps whose values count as they are: a null says something (take it from the environment).
void merge_pairs(Node& base, Node over, const std::string& path) {
  if (!base.is_map() || !over.is_map()) return merge_value(base, std::move(over), path);
  merge_members(base, std::move(over), [](Node& to, Node from, const std::string&) { to = std::move(from); });
}

}  // namespace

void canonicalize(Node& document) {
  if (!document.is_map()) return;
  if (Node* services = document.find("services"); services != nullptr && services->is_map()) {
    for (std::size_t i = 0; i < services->items.size(); ++i) {
      Node& service = services->items[i];
      canonicalize_service(service, "services." + services->keys[i]);
      if (!service.is_map()) continue;
      for (std::size_t k = 0; k < service.items.size(); ++k) {
        if (among(service.keys[k], kUnique)) enforce_unique(service.items[k], service.keys[k]);
      }
    }
  }
  for (const char* section : {"networks", "volumes", "configs", "secrets"}) {
    Node* all = document.find(section);
    if (all == nullptr || !all->is_map()) continue;
    for (std::size_t i = 0; i < all->items.size(); ++i) {
      pairs_below(&all->items[i], fmt::format("{}.{}", section, all->keys[i]), {"labels"});
    }
  }
}

void merge_service(Node& base, Node over, const std::string& path) {
  if (!base.is_map() || !over.is_map()) return merge_value(base, std::move(over), path);
  merge_members(base, std::move(over), [&path](Node& to, Node from, const std::string& key) {
    const std::string below = fmt::format("{}.{}", path, key);
    if (key == "command" || key == "entrypoint") {
      if (!from.is_null()) to = std::move(from);
    } else if (key == "environment" || key == "labels" || key == "annotations" || key == "sysctls") {
      merge_pairs(to, std::move(from), below);
    } else if (key == "healthcheck" && to.is_map() && from.is_map()) {
      merge_members(to, std::move(from), [&below](Node& old, Node now, const std::string& member) {
        if (member == "test") {
          old = std::move(now);
        } else {
          merge_value(old, std::move(now), fmt::format("{}.{}", below, member));
        }
      });
    } else if (key == "logging" && to.is_map() && from.is_map()) {
      const Node* old_driver = to.find("driver");
      const Node* new_driver = from.find("driver");
      if (old_driver != nullptr && new_driver != nullptr && !same_content(*old_driver, *new_driver)) {
        to = std::move(from);  // Options of one driver mean nothing to another.
      } else {
        merge_value(to, std::move(from), below);
      }
    } else if (key == "ulimits" && to.is_map() && from.is_map()) {
      merge_members(to, std::move(from), [](Node& old, Node now, const std::string&) { old = std::move(now); });
    } else {
      merge_value(to, std::move(from), below);
      if (among(key, kUnique)) enforce_unique(to, key);
    }
  });
}

void merge_documents(Node& base, Node over) {
  if (!base.is_map() || !over.is_map()) return merge_value(base, std::move(over), "the document");
  merge_members(base, std::move(over), [](Node& to, Node from, const std::string& key) {
    if (key != "services" || !to.is_map() || !from.is_map()) return merge_value(to, std::move(from), key);
    merge_members(to, std::move(from), [](Node& old, Node now, const std::string& name) {
      merge_service(old, std::move(now), "services." + name);
    });
  });
}

void drop_reset(Node& node) {
  if (node.is_map()) {
    bool any = false;
    for (const Node& item : node.items) any = any || item.tag == Node::Tag::kReset;
    if (any) {
      Node left = node.sibling(Node::Kind::kMap);
      left.tag = node.tag;
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        if (node.items[i].tag != Node::Tag::kReset) left.put(std::move(node.keys[i]), std::move(node.items[i]));
      }
      node = std::move(left);
    }
  }
  for (Node& item : node.items) drop_reset(item);
}

}  // namespace berth::compose
