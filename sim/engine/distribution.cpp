#include "sim/engine/distribution.hpp"

#include <charconv>
#include <limits>
#include <numbers>
#include <optional>

namespace berth {

ExponentialZiggurat::ExponentialZiggurat() {
  constexpr double kEdge = 7.69711747013104972;  // Of layer 1; layers and tail then have equal area:
  constexpr double kArea = 0.0039496598225815571993;
  std::array<double, 257> edge;
  edge[0] = kArea * std::exp(kEdge);  // Layer 0 as a rectangle of the same area; beyond kEdge it stands for the tail.
  edge[1] = kEdge;
  for (std::size_t i = 2; i < 256; ++i) edge[i] = -std::log(std::exp(-edge[i - 1]) + kArea / edge[i - 1]);
  edge[256] = 0;
  for (std::size_t i = 0; i < 256; ++i) {
    width[i] = edge[i] * 0x1p-53;
    inside[i] = static_cast<std::uint64_t>(edge[i + 1] / edge[i] * 0x1p53);
    height[i] = std::exp(-edge[i]);
  }
  height[256] = 1;
}

const ExponentialZiggurat kExponentialZiggurat;
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// ln of the Poisson probability of k: an error of about 1e-16 * sqrt(mean), as small as k is near the mean.
double log_poisson_probability(double k, double mean) {
  if (k < 16) {
    double factorial = 1;  // Exact: 15! < 2^53.
    for (double i = 2; i <= k; ++i) factorial *= i;
    return k * std::log(mean) - mean - std::log(factorial);
  }
  // Stirling's series; the first term left out is 1/(1680 k^7) < 3e-12. The large parts of ln k! and k ln(mean)
  // cancel, so they are never formed: what is left is of the size of the excess.
  const double excess = k - mean;
  const double inverse = 1 / k;
  const double square = inverse * inverse;
  const double tail = inverse * (1.0 / 12 - square * (1.0 / 360 - square / 1260));
  return excess - k * std::log1p(excess / mean) - 0.5 * std::log(2 * std::numbers::pi * k) - tail;
}

// (e^(x t) - 1) / x, and its limit t at x = 0.
double exponential_integral(double x, double t) {
  return x == 0 ? t : std::expm1(x * t) / x;
}

// c[0] + c[1] x + c[2] x^2 …
template <std::size_t kCount>
double polynomial(const std::array<double, kCount>& c, double x) {
  double sum = c[kCount - 1];
  for (std::size_t i = kCount - 1; i-- > 0;) sum = sum * x + c[i];
  return sum;
}

// AS 241's rational approximations (PPND16): the centre, by 0.425^2 - (p - 0.5)^2; the shoulders and the far tails, by
// sqrt(-ln of the tail's probability) less 1.6 and 5.
using Coefficients = std::array<double, 8>;
constexpr Coefficients kCentreAbove = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                                       1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                                       3.3430575583588128105e4, 2.5090809287301226727e3};
constexpr Coefficients kCentreBelow = {1.0,
                                       4.2313330701600911252e1,
                                       6.8718700749205790830e2,
                                       5.3941960214247511077e3,
                                       2.1213794301586595867e4,
                                       3.9307895800092710610e4,
                                       2.8729085735721942674e4,
                                       5.2264952788528545610e3};
constexpr Coefficients kShoulderAbove = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                                         3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                                         2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr Coefficients kShoulderBelow = {1.0,
                                         2.05319162663775882187e0,
                                         1.67638483018380384940e0,
                                         6.89767334985100004550e-1,
                                         1.48103976427480074590e-1,
                                         1.51986665636164571966e-2,
                                         5.47593808499534494600e-4,
                                         1.05075007164441684324e-9};
constexpr Coefficients kTailAbove = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                                     2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                     2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr Coefficients kTailBelow = {1.0,
                                     5.99832206555887937690e-1,
                                     1.36929880922735805310e-1,
                                     1.48753612908506148525e-2,
                                     7.86869131145613259100e-4,
                                     1.84631831751005468180e-5,
                                     1.42151175831644588870e-7,
                                     2.04426310338993978564e-15};

}  // namespace

double normal_quantile(double p) {
  BERTH_CHECK(p > 0 && p < 1);
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.425 * 0.425 - q * q;
    return q * polynomial(kCentreAbove, r) / polynomial(kCentreBelow, r);
  }
  const double r = std::sqrt(-std::log(q < 0 ? p : 1 - p));
  const double z = r <= 5 ? polynomial(kShoulderAbove, r - 1.6) / polynomial(kShoulderBelow, r - 1.6)
                          : polynomial(kTailAbove, r - 5) / polynomial(kTailBelow, r - 5);
  return q < 0 ? -z : z;
}

std::uint64_t poisson(Rng& rng, double mean) {
  BERTH_CHECK(mean >= 0 && mean <= 1e15);
  if (mean < 10) {
    const double end = std::exp(-mean);  // As a product of uniforms instead of a sum of their logarithms.
    std::uint64_t count = 0;
    for (double product = rng.uniform_open(); product > end; product *= rng.uniform_open()) ++count;
    return count;
  }
  const double b = 0.931 + 2.53 * std::sqrt(mean);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double sure = 0.9277 - 3.6224 / (b - 2);
  while (true) {
    const double u = rng.uniform() - 0.5;
    const double v = rng.uniform_open();
    const double margin = 0.5 - std::abs(u);
    if (margin == 0) continue;  // u = -0.5: the ratio below would be infinite.
    const double k = std::floor((2 * a / margin + b) * u + mean + 0.43);
    if (margin >= 0.07 && v <= sure) return static_cast<std::uint64_t>(k);
    if (k < 0 || (margin < 0.013 && v > margin)) continue;
    const double height = std::log(v * inverse_alpha / (a / (margin * margin) + b));
    if (height <= log_poisson_probability(k, mean)) return static_cast<std::uint64_t>(k);
  }
}

AliasTable::AliasTable(std::span<const double> weights) : columns_(weights.size()) {
  BERTH_CHECK(!weights.empty() && weights.size() <= 0xFFFF'FFFF);
  double sum = 0;
  for (const double weight : weights) {
    BERTH_CHECK(std::isfinite(weight) && weight >= 0);
    sum += weight;
  }
  BERTH_CHECK(std::isfinite(sum) && sum > 0);

  // Columns of height 1: what a low one lacks comes from a high one, which may become low by it.
  std::vector<double> height(weights.size());
  std::vector<std::uint32_t> low;
  std::vector<std::uint32_t> high;
  for (std::uint32_t i = 0; i < weights.size(); ++i) {
    height[i] = weights[i] / sum * static_cast<double>(weights.size());
    (height[i] < 1 ? low : high).push_back(i);
  }
  while (!low.empty() && !high.empty()) {
    const std::uint32_t poor = low.back();
    const std::uint32_t rich = high.back();
    low.pop_back();
    columns_[poor] = {height[poor], rich};
    height[rich] -= 1 - height[poor];
    if (height[rich] < 1) {
      high.pop_back();
      low.push_back(rich);
    }
  }
  for (const std::uint32_t i : high) columns_[i] = {1, i};
  // Only rounding leaves these, at a height of nearly 1. Never a weight of 0: the last high column would have to be
  // wrong by its whole height of 2.
  for (const std::uint32_t i : low) columns_[i] = {1, i};
}

Zipf::Zipf(std::uint64_t n, double exponent) : n_(static_cast<double>(n)), exponent_(exponent) {
  BERTH_CHECK(n >= 1 && n <= (std::uint64_t{1} << 53) && std::isfinite(exponent) && exponent >= 0);
  lowest_ = area(1.5) - 1;
  highest_ = area(n_ + 0.5);
  squeeze_ = 2 - inverse_area(area(2.5) - std::pow(2, -exponent));
}

double Zipf::area(double x) const {
  return exponential_integral(1 - exponent_, std::log(x));
}

double Zipf::inverse_area(double a) const {
  const double t = (1 - exponent_) * a;
  if (t <= -1) return kInfinity;  // Rounding only: a is below the whole area to the right of 1.
  return t == 0 ? std::exp(a) : std::exp(std::log1p(t) / t * a);
}

std::uint64_t Zipf::sample(Rng& rng) const {
  while (true) {
    const double a = highest_ + rng.uniform() * (lowest_ - highest_);
    const double x = inverse_area(a);
    const double k = std::clamp(std::floor(x + 0.5), 1.0, n_);
    if (k - x <= squeeze_ || a >= area(k + 0.5) - std::pow(k, -exponent_)) return static_cast<std::uint64_t>(k);
  }
}

namespace {

using Kind = Distribution::Kind;

enum class Range { kPositive, kNotNegative, kProbability, kAtLeastOne };

struct Parameter {
  std::string_view name;
  Range range = Range::kPositive;
  bool time = false;  // Units are welcome.
};

// A spelling: `kind(parameters)`. One kind may have several, next to each other.
struct Form {
  Kind kind;
  std::string_view name;
  std::array<Parameter, 3> parameters;  // Those without a name are not there.
  std::size_t count() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(parameters, [](const Parameter& p) { return !p.name.empty(); }));
  }
};

constexpr Parameter time_above_zero(std::string_view name) {
  return {name, Range::kPositive, true};
}

constexpr Form kForms[] = {
    {Kind::kConstant, "constant", {{{"value", Range::kNotNegative, true}}}},  // First: Distribution's default form.
    {Kind::kUniform, "uniform", {{{"min", Range::kNotNegative, true}, time_above_zero("max")}}},
    {Kind::kExponential, "exponential", {{time_above_zero("mean")}}},
    {Kind::kExponential, "exponential", {{{"rate"}}}},
    {Kind::kNormal, "normal", {{{"mean", Range::kNotNegative, true}, time_above_zero("sd")}}},
    {Kind::kLognormal, "lognormal", {{time_above_zero("mean"), {"cv"}}}},
    {Kind::kLognormal, "lognormal", {{time_above_zero("median"), {"sigma"}}}},
    {Kind::kLomax, "lomax", {{{"alpha"}, time_above_zero("scale")}}},
    {Kind::kPareto, "pareto", {{{"alpha"}, time_above_zero("min")}}},
    {Kind::kBoundedPareto, "bounded-pareto", {{{"alpha"}, time_above_zero("min"), time_above_zero("max")}}},
    {Kind::kWeibull, "weibull", {{{"shape"}, time_above_zero("scale")}}},
    {Kind::kWeibull, "weibull", {{{"shape"}, time_above_zero("mean")}}},
    {Kind::kGamma, "gamma", {{{"shape"}, time_above_zero("scale")}}},
    {Kind::kGamma, "gamma", {{time_above_zero("mean"), {"cv"}}}},
    {Kind::kHyperexponential,
     "hyperexponential",
     {{{"p", Range::kProbability}, time_above_zero("mean1"), time_above_zero("mean2")}}},
    {Kind::kHyperexponential, "hyperexponential", {{time_above_zero("mean"), {"cv", Range::kAtLeastOne}}}},
};

// What the free function of this kind takes, from what the user gave.
std::array<double, 4> working_parameters(const Form& form, const std::array<double, 3>& given) {
  const double a = given[0];
  const double b = given[1];
  const auto first_is = [&](std::string_view name) { return form.parameters[0].name == name; };
  switch (form.kind) {
    case Kind::kExponential:
      return {first_is("rate") ? 1 / a : a};
    case Kind::kLognormal:
      return first_is("mean") ? std::array<double, 4>{a / std::sqrt(1 + b * b), std::sqrt(std::log1p(b * b))}
                              : std::array<double, 4>{a, b};
    case Kind::kBoundedPareto:
      return {a, b, given[2], bounded_pareto_share(a, b, given[2])};
    case Kind::kWeibull:
      return {a, form.parameters[1].name == "mean" ? b / std::tgamma(1 + 1 / a) : b};
    case Kind::kGamma:
      return first_is("mean") ? std::array<double, 4>{1 / (b * b), a * b * b} : std::array<double, 4>{a, b};
    case Kind::kHyperexponential: {
      if (first_is("p")) return {a, b, given[2], 1 - a};
      const double square = b * b;
      const double skew = std::sqrt((square - 1) / (square + 1));
      const double p = (1 + skew) / 2;
      const double q = 1 / ((square + 1) * (1 + skew));  // 1 - p without its cancellation.
      return {p, a / (2 * p), a / (2 * q), q};
    }
    default:
      return {a, b, given[2]};
  }
}

std::string shortest(double value) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// In quotes, on one line and of bounded length, whatever the user wrote.
std::string quoted(std::string_view text) {
  constexpr std::size_t kLongest = 100;
  std::size_t length = std::min(text.size(), kLongest);
  while (length < text.size() && length > 0 && (text[length] & 0xC0) == 0x80) --length;  // Not within a character.
  std::string result(text.substr(0, length));
  for (char& c : result) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return '"' + result + (length < text.size() ? "…\"" : "\"");
}

// The text under parse, and how to complain of it.
class Parser {
 public:
  Parser(std::string_view text, std::string_view what) : text_(trim(text)), what_(what) {}

  struct Result {
    std::size_t form = 0;
    std::array<double, 3> given{};
  };

  Result parse() const {
    const std::size_t open = text_.find('(');
    const std::string_view kind = trim(text_.substr(0, open));
    if (open == std::string_view::npos && (kind.empty() || !is_letter(kind.front()))) {
      return {0, {value(kForms[0].parameters[0], text_, "")}};
    }
    std::vector<std::string> spellings = spellings_of(kind);
    if (spellings.empty()) fail_kind(kind);
    if (open == std::string_view::npos) fail(", without parameters", expected(spellings));
    if (text_.find(')') != text_.size() - 1) fail(", which does not end with its one \")\"", expected(spellings));
    return with_arguments(kind, text_.substr(open + 1, text_.size() - open - 2), spellings);
  }

  [[noreturn]] void fail(const std::string& wrong, const std::string& wanted, const std::string& hint = "") const {
    throw InputError(std::string(what_) + " is " + quoted(text_) + wrong + "; expected " + wanted + hint);
  }

 private:
  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

  static std::string spelling(const Form& form) {
    std::string text(form.name);
    for (std::size_t i = 0; i < form.count(); ++i) {
      text += i == 0 ? '(' : ',';
      if (i > 0) text += ' ';
      text += form.parameters[i].name;
      text += "=…";
    }
    return text + ")";
  }
  static std::vector<std::string> spellings_of(std::string_view kind) {
    std::vector<std::string> result;
    for (const Form& form : kForms) {
      if (form.name == kind) result.push_back(spelling(form));
    }
    return result;
  }
  static std::string expected(const std::vector<std::string>& spellings) {
    std::string text = spellings.front();
    for (std::size_t i = 1; i < spellings.size(); ++i) text += " or " + spellings[i];
    return text;
  }

  [[noreturn]] void fail_kind(std::string_view kind) const {
    std::vector<std::string> kinds;
    std::string list;
    for (const Form& form : kForms) {
      if (!kinds.empty() && kinds.back() == form.name) continue;
      kinds.emplace_back(form.name);
      list += (list.empty() ? "" : ", ") + kinds.back();
    }
    fail(", with an unknown distribution " + quoted(kind), "a number or one of " + list, did_you_mean(kind, kinds));
  }

  Result with_arguments(std::string_view kind, std::string_view list, const std::vector<std::string>& spellings) const {
    struct Argument {
      std::string_view name;
      std::string_view value;
    };
    std::vector<std::string> names;  // Every parameter of this kind, in any of its forms.
    for (const Form& form : kForms) {
      for (std::size_t i = 0; form.name == kind && i < form.count(); ++i) names.emplace_back(form.parameters[i].name);
    }
    std::vector<Argument> arguments;
    while (!trim(list).empty()) {
      const std::size_t comma = list.find(',');
      const std::string_view item = trim(list.substr(0, comma));
      list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
      if (comma != std::string_view::npos && trim(list).empty()) fail(", with a comma too many", expected(spellings));
      const std::size_t equals = item.find('=');
      if (equals == std::string_view::npos) fail(", with no name for " + quoted(item), expected(spellings));
      const Argument argument{trim(item.substr(0, equals)), trim(item.substr(equals + 1))};
      if (std::ranges::find(names, argument.name) == names.end()) {
        fail(", with an unknown parameter " + quoted(argument.name), expected(spellings),
             did_you_mean(argument.name, names));
      }
      if (std::ranges::find(arguments, argument.name, &Argument::name) != arguments.end()) {
        fail(", which gives " + std::string(argument.name) + " twice", expected(spellings));
      }
      arguments.push_back(argument);
    }
    // Names are known and differ, so a form fits if it has all of them and no more.
    for (std::size_t row = 0; row < std::size(kForms); ++row) {
      const Form& form = kForms[row];
      if (form.name != kind || form.count() != arguments.size()) continue;
      Result result{row, {}};
      bool fits = true;
      for (std::size_t i = 0; fits && i < form.count(); ++i) {
        const auto it = std::ranges::find(arguments, form.parameters[i].name, &Argument::name);
        fits = it != arguments.end();
        if (fits) result.given[i] = value(form.parameters[i], it->value, form.parameters[i].name);
      }
      if (fits) return result;
    }
    fail(", whose parameters do not go together", expected(spellings));
  }

  // One parameter's value; `name` is empty for a bare number.
  double value(const Parameter& parameter, std::string_view text, std::string_view name) const {
    const std::string where = name.empty() ? "" : ", whose " + std::string(name) + " is " + quoted(text);
    bool units = false;
    const std::optional<double> number = read_number(text, units);
    if (!number) {
      fail(where, name.empty()     ? "a number, a duration such as \"90s\" or \"1h30m\", or a distribution such as "
                                     "\"exponential(mean=300)\""
                  : parameter.time ? "a number or a duration such as \"90s\" or \"1h30m\""
                                   : "a number");
    }
    if (units && !parameter.time) fail(where, "a number without a unit");
    switch (parameter.range) {
      case Range::kPositive:
        if (!(*number > 0)) fail(where, "a value above 0");
        break;
      case Range::kNotNegative:
        if (!(*number >= 0)) fail(where, "a value of at least 0");
        break;
      case Range::kProbability:
        if (!(*number >= 0 && *number <= 1)) fail(where, "a probability, 0 to 1");
        break;
      case Range::kAtLeastOne:
        if (!(*number >= 1)) fail(where, "a value of at least 1");
        break;
    }
    return *number;
  }

  // A number, or a sum of numbers with units, in seconds; nothing if it is neither or not finite.
  static std::optional<double> read_number(std::string_view text, bool& units) {
    struct Unit {
      std::string_view name;
      double times;  // times / per, so that 250ms is the double nearest to 0.25: 1e-3 has no exact double.
      double per;
    };
    static constexpr Unit kUnits[] = {{"ns", 1, 1e9}, {"us", 1, 1e6}, {"ms", 1, 1e3},
                                      {"s", 1, 1},    {"m", 60, 1},   {"h", 3600, 1}};
    double sum = 0;  // So that "-0" becomes 0, which prints alike.
    bool first = true;
    do {
      double number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc()) return std::nullopt;
      if (!first && number < 0) return std::nullopt;  // "1h-30m".
      text.remove_prefix(static_cast<std::size_t>(end - text.data()));
      std::size_t letters = 0;
      while (letters < text.size() && is_letter(text[letters])) ++letters;
      if (letters > 0) {
        const auto* const unit = std::ranges::find(kUnits, text.substr(0, letters), &Unit::name);
        if (unit == std::end(kUnits)) return std::nullopt;
        number = number * unit->times / unit->per;
        units = true;
        text.remove_prefix(letters);
      } else if (!first || !text.empty()) {
        return std::nullopt;  // "1h30" or "3 4".
      }
      sum += number;
      first = false;
    } while (!text.empty());
    return std::isfinite(sum) ? std::optional<double>(sum) : std::nullopt;
  }

  std::string_view text_;
  std::string_view what_;
};

}  // namespace

Distribution Distribution::constant(double value) {
  BERTH_CHECK(std::isfinite(value) && value >= 0);
  Distribution result;
  result.given_[0] = result.working_[0] = value;
  return result;
}

Distribution Distribution::parse(std::string_view text, std::string_view what) {
  const Parser parser(text, what);
  const Parser::Result parsed = parser.parse();
  const Form& form = kForms[parsed.form];
  Distribution result;
  result.kind_ = form.kind;
  result.form_ = static_cast<std::uint8_t>(parsed.form);
  result.given_ = parsed.given;
  result.working_ = working_parameters(form, parsed.given);
  const std::array<double, 4>& w = result.working_;
  if ((form.kind == Kind::kUniform && !(w[0] < w[1])) || (form.kind == Kind::kBoundedPareto && !(w[1] < w[2]))) {
    parser.fail("", "max above min");
  }
  // Given values are in range; what follows from them may still have left the doubles (a cv of 1e200).
  bool usable = std::ranges::all_of(w, [](double x) { return std::isfinite(x); });
  for (std::size_t i = 0; i < form.count(); ++i) usable = usable && (w[i] > 0 || parsed.given[i] == 0);
  if (form.kind == Kind::kBoundedPareto) usable = usable && std::isfinite(w[2] / w[1]) && w[3] < 0;
  if (!usable) parser.fail("", "less extreme parameters");
  return result;
}

double Distribution::sample(Rng& rng) const {
  const std::array<double, 4>& w = working_;
  switch (kind_) {
    case Kind::kConstant:
      return w[0];
    case Kind::kUniform:
      return w[0] + (w[1] - w[0]) * rng.uniform();
    case Kind::kExponential:
      return exponential(rng, w[0]);
    case Kind::kNormal:
      return nonnegative_normal(rng, w[0], w[1]);
    case Kind::kLognormal:
      return lognormal(rng, w[0], w[1]);
    case Kind::kLomax:
      return lomax(rng, w[0], w[1]);
    case Kind::kPareto:
      return pareto(rng, w[0], w[1]);
    case Kind::kBoundedPareto:
      return bounded_pareto(rng, w[0], w[1], w[2], w[3]);
    case Kind::kWeibull:
      return weibull(rng, w[0], w[1]);
    case Kind::kGamma:
      return gamma(rng, w[0], w[1]);
    case Kind::kHyperexponential:
      return exponential(rng, bernoulli(rng, w[0]) ? w[1] : w[2]);
  }
  BERTH_CHECK(false);
  return 0;
}

namespace {

// The density of a standard normal variate at z over the probability of being below z.
double inverse_mills(double z) {
  const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
  return density / (0.5 * std::erfc(-z / std::numbers::sqrt2));
}

// Variance from E[X^2], which may be infinite; not below 0 by rounding.
double central(double second_moment, double mean) {
  return std::isinf(second_moment) ? kInfinity : std::max(0.0, second_moment - mean * mean);
}

// E[X^k] of the bounded Pareto.
double bounded_pareto_moment(double k, double alpha, double min, double max) {
  const double span = std::log(max / min);
  return std::pow(min, k) * exponential_integral(k - alpha, span) / exponential_integral(-alpha, span);
}

}  // namespace

double Distribution::mean() const {
  const std::array<double, 4>& w = working_;
  switch (kind_) {
    case Kind::kConstant:
      return w[0];
    case Kind::kUniform:
      return w[0] + (w[1] - w[0]) / 2;
    case Kind::kExponential:
      return w[0];
    case Kind::kNormal:
      return w[0] + w[1] * inverse_mills(w[0] / w[1]);
    case Kind::kLognormal:
      return w[0] * std::exp(w[1] * w[1] / 2);
    case Kind::kLomax:
      return w[0] > 1 ? w[1] / (w[0] - 1) : kInfinity;
    case Kind::kPareto:
      return w[0] > 1 ? w[1] * (w[0] / (w[0] - 1)) : kInfinity;
    case Kind::kBoundedPareto:
      return bounded_pareto_moment(1, w[0], w[1], w[2]);
    case Kind::kWeibull:
      return w[1] * std::tgamma(1 + 1 / w[0]);
    case Kind::kGamma:
      return w[0] * w[1];
    case Kind::kHyperexponential:
      return w[0] * w[1] + w[3] * w[2];
  }
  BERTH_CHECK(false);
  return 0;
}

double Distribution::variance() const {
  const std::array<double, 4>& w = working_;
  switch (kind_) {
    case Kind::kConstant:
      return 0;
    case Kind::kUniform:
      return (w[1] - w[0]) * (w[1] - w[0]) / 12;
    case Kind::kExponential:
      return w[0] * w[0];
    case Kind::kNormal: {
      const double z = w[0] / w[1];
      const double mills = inverse_mills(z);
      return mills == 0 ? w[1] * w[1] : w[1] * w[1] * (1 - mills * (z + mills));
    }
    case Kind::kLognormal:
      return mean() * mean() * std::expm1(w[1] * w[1]);
    case Kind::kLomax:
    case Kind::kPareto:
      return w[0] > 2 ? w[1] * w[1] * w[0] / ((w[0] - 1) * (w[0] - 1) * (w[0] - 2)) : kInfinity;
    case Kind::kBoundedPareto:
      return central(bounded_pareto_moment(2, w[0], w[1], w[2]), mean());
    case Kind::kWeibull:
      return central(w[1] * w[1] * std::tgamma(1 + 2 / w[0]), mean());
    case Kind::kGamma:
      return w[0] * w[1] * w[1];
    case Kind::kHyperexponential:
      return central(2 * (w[0] * w[1] * w[1] + w[3] * w[2] * w[2]), mean());
  }
  BERTH_CHECK(false);
  return 0;
}

std::string Distribution::to_string() const {
  if (kind_ == Kind::kConstant) return shortest(given_[0]);
  const Form& form = kForms[form_];
  std::string text(form.name);
  for (std::size_t i = 0; i < form.count(); ++i) {
    text += i == 0 ? "(" : ", ";
    text += form.parameters[i].name;
    text += '=' + shortest(given_[i]);
  }
  return text + ")";
}

}  // namespace berth
