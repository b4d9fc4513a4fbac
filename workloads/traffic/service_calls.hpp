// Who calls whom, as far as Kubernetes objects say it: a container that is given another Service's address in its
// environment or on its command line is taken to call it. What an image has built in, nobody sees here.
#pragma once

#include <string>
#include <vector>

#include "workloads/manifest/manifest.hpp"
#include "workloads/traffic/traffic_file.hpp"

namespace berth {

struct ServiceCalls {
  struct Service {
    std::string key;  // "namespace/name".
    std::vector<std::size_t>
        calls;  // Numbers in `services`, each once, in the order in which the containers name them.
  };
  std::vector<Service> services;      // Those with a selector, in the order of the objects.
  std::vector<std::string> left_out;  // "a → b": would close a circle.
};

// An address is `name`, `name.namespace` or `name.namespace.svc…`, where it stands as one: with a port, behind "//" or
// "@", or as the whole value of a variable whose name ends with HOST, ADDR, ADDRESS, ENDPOINT, URL, URI or SERVER.
// O(Services · pods + text).
ServiceCalls find_service_calls(const manifest::Manifests& manifests);

struct PlainSource {
  std::string service;  // "name" or "namespace/name".
  double rate = 0;      // Requests per second, > 0.
};

// Traffic for a set of objects of which nothing else is known: Poisson processes from outside to these Services. Each
// request costs every Service that it comes to 1 ms of CPU on average (exponential), and it calls, one after another,
// all those that find_service_calls() finds. A convention, not a measurement. Throws InputError if no Service with a
// selector has such a name.
TrafficFile plain_traffic(const ServiceCalls& calls, const std::vector<PlainSource>& sources);

// "SERVICE=RATE", as in "front=100/s". Throws InputError.
PlainSource parse_plain_source(const std::string& text, const std::string& what);

}  // namespace berth
