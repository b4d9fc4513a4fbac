#include "workloads/images/build_graph.hpp"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/depth_first_search.hpp>
#include <boost/graph/topological_sort.hpp>
#include <charconv>
#include <iterator>

namespace berth::docker {
namespace {

using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS>;

std::string from_of_mount(std::string_view value) {
  // The option alone: the others may still hold variables.
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t end = std::min(value.find(',', at), value.size());
    const std::string_view field = value.substr(at, end - at);
    if (field.starts_with("from=")) return std::string(field.substr(5));
    at = end + 1;
  }
  return {};
}

}  // namespace

std::optional<std::size_t> find_stage(const Dockerfile& file, std::string_view name, std::size_t before,
                                      const Place& place) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (!name.empty() && error == std::errc() && end == name.data() + name.size()) {
    if (number >= before) {
      throw InputError(to_string(place) + ": stage " + std::string(name) + " is none before this one; expected 0 to " +
                       (before == 0 ? std::string("nothing: this is the first") : std::to_string(before - 1)));
    }
    return number;
  }
  const std::string wanted = lower(name);
  for (std::size_t i = before; i-- > 0;) {  // Of equal names the last one counts.
    if (file.stages[i].name == wanted) return i;
  }
  for (std::size_t i = before; i < file.stages.size(); ++i) {
    if (!wanted.empty() && file.stages[i].name == wanted) {
      throw InputError(to_string(place) + ": stage \"" + std::string(name) +
                       "\" is not there yet; expected a stage that begins before this one");
    }
  }
  return std::nullopt;
}

std::optional<std::size_t> find_base_stage(const Dockerfile& file, std::string_view base, std::size_t before) {
  for (std::size_t i = before; i-- > 0;) {
    if (!base.empty() && file.stages[i].name == base) return i;
  }
  return std::nullopt;
}

BuildGraph build_graph(const Dockerfile& file, const std::vector<std::string>& bases,
                       const std::vector<std::vector<Instruction>>& instructions, std::size_t target) {
  BuildGraph result;
  const std::size_t n = file.stages.size();
  result.needs.resize(n);
  Graph graph(n);
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<std::size_t>& needs = result.needs[i];
    const auto need = [&](std::string_view name, const Place& place) {
      if (name.empty()) return;
      if (const auto stage = find_stage(file, name, i, place)) needs.push_back(*stage);
    };
    if (const auto base = find_base_stage(file, bases[i], i)) needs.push_back(*base);
    for (const Instruction& instruction : instructions[i]) {
      if (instruction.keyword == Keyword::kCopy) {
        if (const Flag* from = instruction.flag("from")) need(from->value, from->place);
      } else if (instruction.keyword == Keyword::kRun) {
        for (const Flag& flag : instruction.flags) {
          if (flag.name != "mount") continue;
          const std::string from = from_of_mount(flag.value);
          if (from.find('$') != std::string::npos) {
            throw InputError(to_string(flag.place) + ": --mount has from=" + from +
                             ", with a variable; expected a stage or image; FROM may have variables");
          }
          need(from, flag.place);
        }
      }
    }
    std::sort(needs.begin(), needs.end());
    needs.erase(std::unique(needs.begin(), needs.end()), needs.end());
    for (const std::size_t j : needs) boost::add_edge(i, j, graph);
  }
  std::vector<boost::default_color_type> colour(n, boost::white_color);
  const auto colours = boost::make_iterator_property_map(colour.begin(), boost::get(boost::vertex_index, graph));
  boost::depth_first_visit(graph, target, boost::default_dfs_visitor(), colours);
  std::vector<std::size_t> sorted;
  boost::topological_sort(graph, std::back_inserter(sorted));  // What is needed comes first.
  for (const std::size_t i : sorted) {
    if (colour[i] != boost::white_color) result.order.push_back(i);
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (colour[i] == boost::white_color) result.unused.push_back(i);
  }
  return result;
}

}  // namespace berth::docker
