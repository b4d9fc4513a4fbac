#include "workloads/scenario_documents.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace berth {
namespace {

bool separates(std::string_view line) {
  return line.starts_with("---") && (line.size() == 3 || line[3] == ' ' || line[3] == '\r');
}

// The value of a key at the left margin, if this line has it.
std::string_view value_of(std::string_view line, std::string_view key) {
  if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ':') return {};
  line.remove_prefix(key.size() + 1);
  while (line.starts_with(' ')) line.remove_prefix(1);
  while (line.ends_with(' ') || line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

std::string_view own_kind(std::string_view text) {
  bool ours = false;
  std::string_view found;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ours = ours || value_of(line, "apiVersion").starts_with("berth.dev/");
    if (found.empty()) found = value_of(line, "kind");
  }
  return ours ? found : std::string_view();
}

ScenarioDocuments split_scenario_documents(std::string_view text) {
  struct Document {
    bool ours = false;
    bool anything = false;
    std::string_view kind;
  };
  std::vector<Document> documents(1);
  std::vector<std::string_view> lines;
  std::vector<std::size_t> document_of;  // By line.
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (separates(line) && documents.back().anything) documents.emplace_back();
    Document& document = documents.back();
    lines.push_back(line);
    document_of.push_back(documents.size() - 1);
    if (!separates(line) && !line.empty() && line[0] != '#') document.anything = true;
    if (value_of(line, "apiVersion").starts_with("berth.dev/")) document.ours = true;
    if (const std::string_view kind = value_of(line, "kind"); !kind.empty()) document.kind = kind;
  }
  ScenarioDocuments out;
  if (documents.size() == 1) {
    out.scenario = text;
    return out;
  }
  std::vector<std::string*> target(documents.size(), nullptr);
  target[0] = &out.scenario;
  bool traffic = false;
  bool faults = false;
  for (std::size_t d = 1; d < documents.size(); ++d) {
    if (!documents[d].anything) continue;
    target[d] = &out.manifests;
    if (documents[d].ours && documents[d].kind == "Traffic" && !std::exchange(traffic, true)) target[d] = &out.traffic;
    if (documents[d].ours && documents[d].kind == "FaultPlan" && !std::exchange(faults, true)) target[d] = &out.faults;
  }
  for (std::string* part : {&out.scenario, &out.manifests, &out.traffic, &out.faults}) {
    bool used = false;
    for (const std::string* t : target) used = used || t == part;
    if (!used) continue;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const bool keep = target[document_of[i]] == part;
      // One document needs no separator, and Kubernetes objects keep theirs.
      if (keep && (part == &out.manifests || !separates(lines[i]))) *part += lines[i];
      *part += '\n';
    }
  }
  return out;
}

}  // namespace berth
