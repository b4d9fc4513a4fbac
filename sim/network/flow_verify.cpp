// Everything that FlowNetwork keeps, counted again; and that its rates are max-min fair: each class has a full link on
// its path where nobody is faster.
#include <algorithm>

#include "sim/network/flow_network.hpp"

namespace berth {

std::string FlowNetwork::verify() const {
  const auto wrong = [](const char* what, std::size_t number) {
    std::string text(what);
    text += ' ';
    text += std::to_string(number);
    return text;
  };
  std::vector<std::int64_t> flows(links_.size()), held(links_.size()), elsewhere(links_.size()), load(links_.size());
  std::vector<std::int64_t> fastest(links_.size()), in_class(classes_.size());
  std::int64_t live = 0;
  for (const Flow& flow : flows_) {
    if (!flow.live) continue;
    ++live;
    ++in_class[flow.flow_class];
  }
  if (live != live_flows_) return "live flows";
  for (std::size_t c = 0; c < classes_.size(); ++c) {
    const Class& flow_class = classes_[c];
    if (flow_class.flows != in_class[c]) return wrong("flows of class", c);
    if (flow_class.flows == 0) continue;
    if (flow_class.finish.size() != static_cast<std::size_t>(flow_class.flows)) return wrong("heap of class", c);
    const std::int64_t rate = link_of(flow_class).level;
    if (rate == kFree) return wrong("no bottleneck for class", c);
    for (std::size_t i = 0; i < flow_class.length; ++i) {
      const std::size_t l = index(flow_class.path[i]);
      flows[l] += flow_class.flows;
      load[l] += flow_class.flows * rate;
      fastest[l] = std::max(fastest[l], rate);
      if (i == flow_class.bottleneck) {
        held[l] += flow_class.flows;
      } else {
        elsewhere[l] += flow_class.flows * flow_class.counted[i];
        if (links_[l].awake && flow_class.counted[i] != rate) return wrong("stale rate of class", c);
        if (rate > links_[l].level) return wrong("too fast for another link: class", c);
      }
    }
  }
  for (std::size_t l = 0; l < links_.size(); ++l) {
    const Link& link = links_[l];
    if (link.flows != flows[l] || link.held != held[l]) return wrong("flows of link", l);
    if (link.dirty) return wrong("dirty link", l);
    if (link.elsewhere != elsewhere[l]) return wrong("sum of link", l);
    if (load[l] > link.capacity) return wrong("overload of link", l);
    if (!link.awake && link.flows > 0 && fastest[l] > link.capacity / link.flows) return wrong("sleeping link", l);
    if (link.held > 0 && link.capacity - load[l] >= link.held) return wrong("room left at bottleneck", l);
    if ((link.level == kFree) != (link.held == 0)) return wrong("level of link", l);
  }
  return "";
}

}  // namespace berth
