#include "workloads/yaml.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <fstream>
#include <sstream>
#include <system_error>
#include <unordered_map>
#include <unordered_set>

#include "sim/cluster/quantity.hpp"

namespace berth {
namespace {

constexpr std::size_t kShown = 60;  // Longer values are cut in messages.

// A value as it stands in a message: one line, of bounded length.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kShown)) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return text.size() > kShown ? out + "…" : out;
}

// Builds the tree from yaml-cpp's events, within the limits.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const std::string& file) : file_(file) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) fail(mark, "a second document begins; expected one in the file");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { leaf(node_at(mark), anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) fail(mark, "an alias stands within its own anchor; expected an anchor that has ended");
    YamlNode copy = known->second;
    copy.line = static_cast<std::uint32_t>(mark.line) + 1;
    copy.column = static_cast<std::uint32_t>(mark.column) + 1;
    if (open_.size() + copy.height > kMaxYamlDepth) too_deep(mark);
    count(mark, copy.size);
    add(std::move(copy));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    if (value.size() > kMaxYamlScalarBytes) {
      fail(mark, fmt::format("a value of {} bytes; expected at most {}", value.size(), kMaxYamlScalarBytes));
    }
    YamlNode node = node_at(mark);
    node.kind = YamlNode::Kind::kScalar;
    node.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    node.text = value;
    node.size += static_cast<std::uint32_t>(value.size() / 64);
    count(mark, node.size - 1);
    leaf(std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(mark, tag, anchor, YamlNode::Kind::kList);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(mark, tag, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { end(); }

  [[noreturn]] void fail(const YAML::Mark& mark, std::string_view what) const {
    Place place{file_};
    if (!mark.is_null()) {
      place.line = static_cast<std::size_t>(mark.line) + 1;
      place.column = static_cast<std::size_t>(mark.column) + 1;
    }
    throw InputError(to_string(place) + ": " + std::string(what));
  }
  bool empty() const { return !has_root_; }
  YamlNode take() { return std::move(root_); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
    std::unordered_set<std::string> keys;  // Seen so far; never iterated.
  };

  [[noreturn]] void too_deep(const YAML::Mark& mark) const {
    fail(mark, fmt::format("nested too deep; expected at most {} levels", kMaxYamlDepth));
  }
  void count(const YAML::Mark& mark, std::size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > kMaxYamlNodes) {
      fail(mark,
           fmt::format("too much in one document; expected at most {} values, aliases written out", kMaxYamlNodes));
    }
  }
  void check_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:")) return;
    fail(mark, fmt::format("tag \"{}\" means nothing here; expected none", shown(tag)));
  }
  static YAML::Mark mark_of(const YamlNode& node) {
    YAML::Mark mark;
    mark.line = static_cast<int>(node.line) - 1;
    mark.column = static_cast<int>(node.column) - 1;
    return mark;
  }
  YamlNode node_at(const YAML::Mark& mark) {
    count(mark, 1);
    YamlNode node;
    node.line = static_cast<std::uint32_t>(mark.line) + 1;
    node.column = static_cast<std::uint32_t>(mark.column) + 1;
    return node;
  }
  void begin(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
    check_tag(mark, tag);
    if (open_.size() >= kMaxYamlDepth) too_deep(mark);
    open_.push_back({node_at(mark), anchor, {}});
    open_.back().node.kind = kind;
  }
  void end() {
    Open done = std::move(open_.back());
    open_.pop_back();
    leaf(std::move(done.node), done.anchor);
  }
  void leaf(YamlNode node, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) {
      count(mark_of(node), node.size);  // It is kept a second time.
      anchors_.insert_or_assign(anchor, node);
    }
    add(std::move(node));
  }
  void add(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      has_root_ = true;
      return;
    }
    Open& parent = open_.back();
    const YAML::Mark mark = mark_of(node);
    if (parent.node.kind == YamlNode::Kind::kMap && parent.node.items.size() % 2 == 0) {
      if (node.kind != YamlNode::Kind::kScalar) fail(mark, "a key that is no plain text; expected a name");
      if (!parent.keys.insert(node.text).second) {
        fail(mark, fmt::format("key \"{}\" comes twice in one map; expected once", shown(node.text)));
      }
    }
    parent.node.height = std::max(parent.node.height, node.height + 1);
    parent.node.size += node.size;
    parent.node.items.push_back(std::move(node));
  }

  const std::string& file_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, YamlNode> anchors_;  // Never iterated.
  YamlNode root_;
  bool has_root_ = false;
  std::size_t nodes_ = 0;
  int documents_ = 0;
};

}  // namespace

YamlValue parse_yaml(std::string_view text, const std::string& file) {
  if (text.size() > kMaxYamlBytes) {
    throw InputError(fmt::format("{}: {} bytes; expected at most {}", file, text.size(), kMaxYamlBytes));
  }
  TreeBuilder builder(file);
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    builder.fail(error.mark, fmt::format("no valid YAML: {}; expected a YAML document", shown(error.msg)));
  }
  if (builder.empty()) throw InputError(file + ": nothing in it; expected a YAML document");
  return YamlValue(std::make_shared<const YamlNode>(builder.take()), std::make_shared<const std::string>(file));
}

std::string read_text_file(const std::filesystem::path& path, std::size_t limit) {
  const auto fail = [&path] {
    throw InputError(fmt::format("{}: cannot read: {}", path.string(), std::generic_category().message(errno)));
  };
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) fail();
  std::string text;
  std::vector<char> buffer(std::size_t{1} << 16);
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), in.gcount() > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(in.gcount()));
    if (text.size() > limit) {
      throw InputError(fmt::format("{}: longer than {} bytes; expected a configuration file", path.string(), limit));
    }
  }
  if (in.bad()) fail();
  return text;
}

YamlValue::YamlValue(std::shared_ptr<const YamlNode> root, std::shared_ptr<const std::string> file)
    : root_(std::move(root)), file_(std::move(file)), node_(root_.get()) {}

YamlValue::YamlValue(const YamlValue& parent, const YamlNode& node, std::string path)
    : root_(parent.root_), file_(parent.file_), node_(&node), path_(std::move(path)) {}

std::string YamlValue::where() const {
  return fmt::format("{}: {}", to_string(Place{*file_, node_->line, node_->column}),
                     path_.empty() ? "the document" : path_);
}

void YamlValue::fail(std::string_view what) const {
  throw InputError(where() + " " + std::string(what));
}

const std::string& YamlValue::text() const {
  switch (kind()) {
    case YamlNode::Kind::kNull:
      fail("is empty; expected a value");
    case YamlNode::Kind::kList:
      fail("is a list; expected a single value");
    case YamlNode::Kind::kMap:
      fail("is a map; expected a single value");
    case YamlNode::Kind::kScalar:
      break;
  }
  if (node_->text.empty()) fail("is empty; expected a value");
  return node_->text;
}

double YamlValue::number(double min, double max) const {
  const std::string& t = text();
  double value = 0;
  const auto [end, error] = std::from_chars(t.data(), t.data() + t.size(), value);
  if (error != std::errc() || end != t.data() + t.size() || !std::isfinite(value) || value < min || value > max) {
    const std::string range =
        std::isfinite(max) ? fmt::format("from {} to {}", min, max) : fmt::format("of at least {}", min);
    fail(fmt::format("is \"{}\"; expected a number {}", shown(t), range));
  }
  return value;
}

std::int64_t YamlValue::integer(std::int64_t min, std::int64_t max) const {
  const std::string& t = text();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(t.data(), t.data() + t.size(), value);
  if (error != std::errc() || end != t.data() + t.size() || value < min || value > max) {
    fail(fmt::format("is \"{}\"; expected a whole number from {} to {}", shown(t), min, max));
  }
  return value;
}

bool YamlValue::boolean() const {
  const std::string& t = text();
  if (node_->quoted || (t != "true" && t != "false")) fail(fmt::format("is \"{}\"; expected true or false", shown(t)));
  return t == "true";
}

Duration YamlValue::duration() const {
  const Duration d = parse_duration(text(), where());
  if (d.ns < 0) fail(fmt::format("is \"{}\"; expected a duration that is not negative", shown(text())));
  return d;
}

Duration YamlValue::duration_or_forever() const {
  return text() == "forever" ? kForever : duration();
}
std::int64_t YamlValue::cpu_milli() const {
  return parse_cpu_milli(text(), where());
}
std::int64_t YamlValue::bytes() const {
  return parse_bytes(text(), where());
}
std::int64_t YamlValue::count() const {
  return parse_count(text(), where());
}
Distribution YamlValue::distribution() const {
  return Distribution::parse(text(), where());
}

std::size_t YamlValue::choice(std::initializer_list<const char*> names) const {
  const std::string& t = text();
  std::string expected;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const char* const name = names.begin()[i];
    if (t == name) return i;
    expected += expected.empty() ? name : fmt::format(", {}", name);
  }
  const std::vector<std::string> candidates(names.begin(), names.end());
  fail(fmt::format("is \"{}\"; expected one of {}{}", shown(t), expected, did_you_mean(t, candidates)));
}

std::vector<YamlValue> YamlValue::list() const {
  if (kind() != YamlNode::Kind::kList) fail("is no list; expected one (\"- …\" or \"[…]\")");
  std::vector<YamlValue> values;
  values.reserve(node_->items.size());
  for (std::size_t i = 0; i < node_->items.size(); ++i) {
    values.push_back(YamlValue(*this, node_->items[i], fmt::format("{}[{}]", path_, i)));
  }
  return values;
}

std::vector<std::pair<std::string, YamlValue>> YamlValue::entries() const {
  if (!is_map()) fail("is no map; expected \"key: value\" lines");
  std::vector<std::pair<std::string, YamlValue>> list;
  list.reserve(node_->items.size() / 2);
  for (std::size_t i = 0; i < node_->items.size(); i += 2) {
    const std::string& key = node_->items[i].text;
    std::string path = path_.empty() ? shown(key) : fmt::format("{}.{}", path_, shown(key));
    list.emplace_back(key, YamlValue(*this, node_->items[i + 1], std::move(path)));
  }
  return list;
}

YamlMap YamlValue::map(std::initializer_list<const char*> known) const {
  if (!is_map()) fail("is no map; expected \"key: value\" lines");
  for (std::size_t i = 0; i < node_->items.size(); i += 2) {
    const YamlNode& key = node_->items[i];
    if (std::ranges::any_of(known, [&key](const char* k) { return key.text == k; })) continue;
    const std::vector<std::string> candidates(known.begin(), known.end());
    std::string expected;
    for (const std::string& k : candidates) expected += expected.empty() ? k : ", " + k;
    throw InputError(fmt::format("{}: {} has an unknown key \"{}\"; expected {}{}",
                                 to_string(Place{*file_, key.line, key.column}), path_.empty() ? "the document" : path_,
                                 shown(key.text), expected, did_you_mean(key.text, candidates)));
  }
  return YamlMap(*this);
}

std::optional<YamlValue> YamlMap::find(std::string_view key) const {
  const std::vector<YamlNode>& items = value_.node_->items;
  for (std::size_t i = 0; i < items.size(); i += 2) {
    if (items[i].text != key || items[i + 1].kind == YamlNode::Kind::kNull) continue;
    return YamlValue(value_, items[i + 1],
                     value_.path_.empty() ? std::string(key) : fmt::format("{}.{}", value_.path_, key));
  }
  return std::nullopt;
}

YamlValue YamlMap::at(std::string_view key) const {
  auto value = find(key);
  if (!value) value_.fail(fmt::format("lacks \"{}\"; expected a value for it", key));
  return *std::move(value);
}

}  // namespace berth
