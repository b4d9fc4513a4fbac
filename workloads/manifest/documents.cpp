#include "workloads/manifest/documents.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <unordered_map>
#include <unordered_set>

namespace berth::manifest {
namespace {

constexpr std::size_t kShown = 60;

std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kShown)) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return text.size() > kShown ? out + "…" : out;
}

// The text by lines, for places that a parser gives as lines and columns, or as bytes.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {
    starts_.push_back(0);
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] == '\n') starts_.push_back(at + 1);
    }
  }
  // From 0. Empty behind the last line.
  std::string_view line(std::size_t n) const {
    if (n >= starts_.size()) return {};
    const std::size_t end = n + 1 < starts_.size() ? starts_[n + 1] - 1 : text_.size();
    return text_.substr(starts_[n], end - starts_[n]);
  }
  Place place_of_byte(const std::string& file, std::size_t at) const {
    const auto next = std::upper_bound(starts_.begin(), starts_.end(), at);
    const auto n = static_cast<std::size_t>(next - starts_.begin());
    return {file, n, at - starts_[n - 1] + 1};
  }

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
};

[[noreturn]] void fail_at(const Place& place, std::string_view what) {
  throw InputError(fmt::format("{}: {}", to_string(place), what));
}

// Length of the UTF-8 sequence that begins with `lead`, 0 if none does. Overlong forms and surrogates are told by the
// second byte.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(at);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                             : (lead & 0xF0) == 0xE0        ? 3
                             : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                            : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  }
  const unsigned second = byte(at + 1);
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) || (lead == 0xF0 && second < 0x90) ||
      (lead == 0xF4 && second > 0x8F)) {
    return 0;
  }
  return length;
}

void check_characters(std::string_view text, const Lines& lines, const std::string& file) {
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F) {
      fail_at(lines.place_of_byte(file, at),
              fmt::format("a control character (0x{:02x}); expected text in UTF-8", static_cast<unsigned>(c)));
    }
    const std::size_t length = sequence_length(text, at);
    if (length == 0) fail_at(lines.place_of_byte(file, at), "bytes that are no UTF-8; expected text in UTF-8");
    at += length;
  }
}

// The tree under construction, from YAML's events or JSON's, within the limits.
class Tree {
 public:
  explicit Tree(const std::string& file) : file_(file), name_(std::make_shared<const std::string>(file)) {}

  [[noreturn]] void fail(std::size_t line, std::size_t column, std::string_view what) const {
    fail_at({file_, line, column}, what);
  }

  void scalar(YamlNode node, std::size_t anchor = 0) {
    if (node.text.size() > kMaxYamlScalarBytes) {
      fail(node.line, node.column,
           fmt::format("a value of {} bytes; expected at most {}", node.text.size(), kMaxYamlScalarBytes));
    }
    count(node, 1);
    finish(std::move(node), anchor);
  }
  void begin(YamlNode node, std::size_t anchor = 0) {
    if (open_.size() >= kMaxYamlDepth) too_deep(node);
    count(node, 1);
    open_.push_back({std::move(node), anchor, {}, false});
  }
  void end() {
    Open done = std::move(open_.back());
    open_.pop_back();
    if (done.merges) merge(done.node);
    finish(std::move(done.node), done.anchor);
  }
  void alias(std::size_t line, std::size_t column, std::size_t anchor) {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) {
      fail(line, column, "an alias stands within its own anchor; expected an anchor that has ended");
    }
    YamlNode copy = known->second;
    copy.line = static_cast<std::uint32_t>(line);
    copy.column = static_cast<std::uint32_t>(column);
    if (open_.size() + copy.height > kMaxYamlDepth) too_deep(copy);
    count_alias(copy, copy.size);
    attach(std::move(copy));
  }

  // The next thing is a key: of which map, or null.
  bool expects_key() const {
    return !open_.empty() && open_.back().node.kind == YamlNode::Kind::kMap && open_.back().node.items.size() % 2 == 0;
  }
  void end_document() {
    anchors_.clear();
    if (has_root_ && root_.kind != YamlNode::Kind::kNull) {
      documents_.push_back({std::make_shared<const YamlNode>(std::move(root_)), name_});
    }
    root_ = {};
    has_root_ = false;
  }
  std::vector<Document> take() { return std::move(documents_); }

 private:
  struct Open {
    YamlNode node;
    std::size_t anchor;
    std::unordered_set<std::string> keys;  // Seen so far; never iterated.
    bool merges;                           // It has a key "<<".
  };

  [[noreturn]] void too_deep(const YamlNode& at) const {
    fail(at.line, at.column, fmt::format("nested too deep; expected at most {} levels", kMaxYamlDepth));
  }
  void count(const YamlNode& at, std::size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > kMaxNodes) {
      fail(at.line, at.column, fmt::format("too much in one file; expected at most {} values", kMaxNodes));
    }
  }
  void count_alias(const YamlNode& at, std::size_t nodes) {
    count(at, nodes);
    alias_nodes_ += nodes;
    if (alias_nodes_ > kMaxAliasNodes) {
      fail(at.line, at.column,
           fmt::format("aliases stand for too much; expected at most {} values by aliases", kMaxAliasNodes));
    }
  }
  void finish(YamlNode node, std::size_t anchor) {
    if (anchor != 0) {
      count_alias(node, node.size);  // It is kept a second time.
      anchors_.insert_or_assign(anchor, node);
    }
    attach(std::move(node));
  }
  void attach(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      has_root_ = true;
      return;
    }
    Open& parent = open_.back();
    if (expects_key()) {
      if (node.kind == YamlNode::Kind::kNull) {
        node.kind = YamlNode::Kind::kScalar;
        node.text = "null";
      }
      if (node.kind != YamlNode::Kind::kScalar) {
        fail(node.line, node.column, "a key that is no plain text; expected a name");
      }
      if (node.text == "<<" && !node.quoted) {
        parent.merges = true;
      }
      if (!parent.keys.insert(node.text).second) {
        fail(node.line, node.column, fmt::format("key \"{}\" comes twice in one map; expected once", shown(node.text)));
      }
    }
    parent.node.height = std::max(parent.node.height, node.height + 1);
    parent.node.size += node.size;
    parent.node.items.push_back(std::move(node));
  }

  // Puts in what "<<" refers to: keys of the map itself come first, then earlier maps of a list before later ones.
  void merge(YamlNode& map) {
    std::vector<YamlNode> items;
    std::vector<YamlNode> sources;
    std::unordered_set<std::string> seen;
    for (std::size_t i = 0; i < map.items.size(); i += 2) {
      if (map.items[i].text == "<<" && !map.items[i].quoted) {
        YamlNode& value = map.items[i + 1];
        if (value.kind == YamlNode::Kind::kList) {
          for (YamlNode& item : value.items) sources.push_back(std::move(item));
        } else {
          sources.push_back(std::move(value));
        }
        continue;
      }
      seen.insert(map.items[i].text);
      items.push_back(std::move(map.items[i]));
      items.push_back(std::move(map.items[i + 1]));
    }
    for (YamlNode& source : sources) {
      if (source.kind != YamlNode::Kind::kMap) {
        fail(source.line, source.column, "a merge key (\"<<\") with something else than maps; expected a map");
      }
      for (std::size_t i = 0; i < source.items.size(); i += 2) {
        if (!seen.insert(source.items[i].text).second) continue;
        items.push_back(std::move(source.items[i]));
        items.push_back(std::move(source.items[i + 1]));
      }
    }
    map.items = std::move(items);
    map.size = 1;
    map.height = 0;
    for (const YamlNode& item : map.items) {
      map.size += item.size;
      map.height = std::max(map.height, item.height + 1);
    }
  }

  const std::string& file_;
  std::shared_ptr<const std::string> name_;
  std::vector<Open> open_;
  std::unordered_map<std::size_t, YamlNode> anchors_;  // Never iterated.
  YamlNode root_;
  bool has_root_ = false;
  std::size_t nodes_ = 0;
  std::size_t alias_nodes_ = 0;
  std::vector<Document> documents_;
};

YamlNode node_at(std::size_t line, std::size_t column, YamlNode::Kind kind) {
  YamlNode node;
  node.kind = kind;
  node.line = static_cast<std::uint32_t>(line);
  node.column = static_cast<std::uint32_t>(column);
  return node;
}

class YamlEvents final : public YAML::EventHandler {
 public:
  YamlEvents(const std::string& file, const Lines& lines) : tree(file), lines_(lines) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    // yaml-cpp takes what follows a whole value for a new document, marker or not.
    const auto at = static_cast<std::size_t>(mark.line);
    if (documents_++ > 0) {
      bool marker = false;
      for (std::size_t n = last_line_; n <= at && !marker; ++n) {
        const std::string_view line = lines_.line(n);
        marker = line.starts_with("---") || line.starts_with("...") || line.starts_with("%");
      }
      if (!marker) tree.fail(at + 1, column(mark), "text behind a whole value; expected the end, or \"---\"");
    }
    if (documents_ > kMaxDocuments) {
      tree.fail(at + 1, column(mark), fmt::format("too many documents; expected at most {}", kMaxDocuments));
    }
    last_line_ = at;
  }
  void OnDocumentEnd() override { tree.end_document(); }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    see(mark);
    tree.scalar(node_at(line(mark), column(mark), YamlNode::Kind::kNull), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    see(mark);
    tree.alias(line(mark), column(mark), anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    if (tree.expects_key()) check_indentation(mark);
    see(mark);
    YamlNode node = node_at(line(mark), column(mark), YamlNode::Kind::kScalar);
    node.quoted = tag == "!" || tag == "tag:yaml.org,2002:str" || tag == "tag:yaml.org,2002:binary";
    node.text = value;
    tree.scalar(std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    begin(mark, tag, anchor, style, YamlNode::Kind::kList);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    begin(mark, tag, anchor, style, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { end(); }

  Tree tree;

 private:
  static std::size_t line(const YAML::Mark& mark) { return static_cast<std::size_t>(mark.line) + 1; }
  static std::size_t column(const YAML::Mark& mark) { return static_cast<std::size_t>(mark.column) + 1; }

  void see(const YAML::Mark& mark) { last_line_ = std::max(last_line_, static_cast<std::size_t>(mark.line)); }
  void check_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:")) return;
    tree.fail(line(mark), column(mark), fmt::format("tag \"{}\" means nothing here; expected none", shown(tag)));
  }
  // yaml-cpp takes a tab for a blank; YAML and kubectl do not, where blanks mean structure.
  void check_indentation(const YAML::Mark& mark) const {
    if (flow_depth_ > 0) return;
    const std::string_view text = lines_.line(static_cast<std::size_t>(mark.line));
    const std::size_t tab = text.find('\t');
    if (tab >= static_cast<std::size_t>(mark.column)) return;
    if (text.substr(0, tab).find_first_not_of(' ') != std::string_view::npos) return;
    tree.fail(line(mark), tab + 1, "a tab as indentation; expected blanks");
  }
  void begin(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value style,
             YamlNode::Kind kind) {
    check_tag(mark, tag);
    if (style != YAML::EmitterStyle::Flow) check_indentation(mark);
    see(mark);
    tree.begin(node_at(line(mark), column(mark), kind), anchor);
    flow_.push_back(style == YAML::EmitterStyle::Flow);
    flow_depth_ += flow_.back() ? 1 : 0;
  }
  void end() {
    flow_depth_ -= flow_.back() ? 1 : 0;
    flow_.pop_back();
    tree.end();
  }

  const Lines& lines_;
  std::vector<bool> flow_;
  std::size_t flow_depth_ = 0;
  std::size_t last_line_ = 0;
  std::size_t documents_ = 0;
};

// JSON's own events carry no places: the bytes that the parser has taken so far tell.
class JsonEvents final : public nlohmann::json_sax<nlohmann::json> {
 public:
  JsonEvents(std::string_view text, const std::string& file, const Lines& lines, const std::size_t& taken)
      : tree(file), text_(text), file_(file), lines_(lines), taken_(taken) {}

  bool null() override { return plain("null", YamlNode::Kind::kNull, false); }
  bool boolean(bool value) override { return plain(value ? "true" : "false", YamlNode::Kind::kScalar, false); }
  bool number_integer(number_integer_t value) override { return number(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return number(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& digits) override { return number(digits); }
  bool string(string_t& value) override { return plain(value, YamlNode::Kind::kScalar, true); }
  bool binary(binary_t&) override { return false; }  // JSON text has none.
  bool start_object(std::size_t) override { return begin(YamlNode::Kind::kMap); }
  bool key(string_t& value) override { return string(value); }
  bool end_object() override { return end(); }
  bool start_array(std::size_t) override { return begin(YamlNode::Kind::kList); }
  bool end_array() override { return end(); }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::detail::exception&) override {
    const std::size_t byte = std::min(text_.size(), at > 0 ? at - 1 : 0);
    fail_at(lines_.place_of_byte(file_, byte),
            byte >= text_.size()
                ? "the JSON ends too soon; expected the rest of it"
                : fmt::format("no JSON from \"{}\" on; expected one JSON value", shown(text_.substr(byte, 20))));
  }

  Tree tree;

 private:
  // Where a token that has just been taken begins. Numbers and words are known by the character behind them.
  Place token_begin(bool quoted) const {
    std::size_t at = std::min(taken_, text_.size());
    const auto part = [&](std::size_t i) {
      const char c = text_[i];
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' || c == 'E';
    };
    if (quoted) {
      at -= at > 0 ? 1 : 0;  // The closing quote.
      while (at > 0) {
        --at;
        if (text_[at] != '"') continue;
        std::size_t slashes = 0;
        while (slashes < at && text_[at - 1 - slashes] == '\\') ++slashes;
        if (slashes % 2 == 0) break;
      }
    } else {
      while (at > 0 && !part(at - 1)) --at;
      while (at > 0 && part(at - 1)) --at;
    }
    return lines_.place_of_byte(file_, at);
  }
  bool plain(std::string text, YamlNode::Kind kind, bool quoted) {
    const Place place = token_begin(quoted);
    YamlNode node = node_at(place.line, place.column, kind);
    node.quoted = quoted;
    node.text = std::move(text);
    tree.scalar(std::move(node));
    return true;
  }
  bool number(std::string digits) { return plain(std::move(digits), YamlNode::Kind::kScalar, false); }
  bool begin(YamlNode::Kind kind) {
    const Place place = lines_.place_of_byte(file_, taken_ > 0 ? taken_ - 1 : 0);
    tree.begin(node_at(place.line, place.column, kind));
    return true;
  }
  bool end() {
    tree.end();
    return true;
  }

  std::string_view text_;
  const std::string& file_;
  const Lines& lines_;
  const std::size_t& taken_;
};

// A text's bytes, counted as they are taken.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, std::size_t* taken) : at_(at), taken_(taken) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    ++*taken_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator old = *this;
    ++*this;
    return old;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) { return a.at_ == b.at_; }
  friend bool operator!=(const CountingIterator& a, const CountingIterator& b) { return a.at_ != b.at_; }

 private:
  const char* at_;
  std::size_t* taken_;
};

// True if the text is JSON rather than YAML: a brace, and behind it a quoted key.
bool is_json(std::string_view text) {
  const auto skip = [&text](std::size_t at) { return std::min(text.find_first_not_of(" \t\r\n", at), text.size()); };
  const std::size_t brace = skip(0);
  if (brace == text.size() || text[brace] != '{') return false;
  const std::size_t key = skip(brace + 1);
  if (key == text.size() || text[key] != '"') return false;
  return text.find("\n---") == std::string_view::npos;  // Else documents of YAML that look like JSON.
}

}  // namespace

std::vector<Document> parse_documents(std::string_view text, const std::string& file) {
  if (text.size() > kMaxYamlBytes) {
    throw InputError(fmt::format("{}: {} bytes; expected at most {}", file, text.size(), kMaxYamlBytes));
  }
  if (text.starts_with("\xFE\xFF") || text.starts_with("\xFF\xFE")) {
    throw InputError(file + ": text in UTF-16; expected UTF-8");
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const Lines lines(text);
  check_characters(text, lines, file);

  if (is_json(text)) {
    std::size_t taken = 0;
    JsonEvents events(text, file, lines, taken);
    const CountingIterator first(text.data(), &taken);
    const CountingIterator last(text.data() + text.size(), &taken);
    nlohmann::json::sax_parse(first, last, &events);
    events.tree.end_document();
    return events.tree.take();
  }

  YamlEvents events(file, lines);
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(events)) {
    }
  } catch (const YAML::Exception& error) {
    const bool placed = !error.mark.is_null();
    // The parser trips over a tab as indentation, but does not say so.
    const auto n = static_cast<std::size_t>(placed ? error.mark.line : 0);
    const std::string_view line = lines.line(n);
    const std::size_t blanks = std::min(line.find_first_not_of(" \t"), line.size());
    const std::size_t tab = line.substr(0, blanks).find('\t');
    if (tab != std::string_view::npos) events.tree.fail(n + 1, tab + 1, "a tab as indentation; expected blanks");
    events.tree.fail(placed ? static_cast<std::size_t>(error.mark.line) + 1 : 0,
                     placed ? static_cast<std::size_t>(error.mark.column) + 1 : 0,
                     fmt::format("no valid YAML: {}; expected a YAML document", shown(error.msg)));
  }
  return events.tree.take();
}

}  // namespace berth::manifest
