#include "workloads/images/digest.hpp"

#include <openssl/evp.h>

#include <array>

#include "sim/engine/error.hpp"

namespace berth {

struct Sha256::Context {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> evp{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  BERTH_CHECK(context_->evp != nullptr && EVP_DigestInit_ex(context_->evp.get(), EVP_sha256(), nullptr) == 1);
}
Sha256::~Sha256() = default;

Sha256& Sha256::bytes(std::string_view data) {
  BERTH_CHECK(EVP_DigestUpdate(context_->evp.get(), data.data(), data.size()) == 1);
  return *this;
}

Sha256& Sha256::field(std::string_view text) {
  return number(static_cast<std::int64_t>(text.size())).bytes(text);
}

Sha256& Sha256::number(std::int64_t value) {
  std::array<char, 8> little{};
  for (std::size_t i = 0; i < little.size(); ++i) {
    little[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xFF);
  }
  return bytes({little.data(), little.size()});
}

std::string Sha256::digest() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned size = 0;
  BERTH_CHECK(EVP_DigestFinal_ex(context_->evp.get(), raw.data(), &size) == 1 && size == 32);
  std::string text = "sha256:";
  for (unsigned i = 0; i < size; ++i) {
    text += "0123456789abcdef"[raw[i] >> 4];
    text += "0123456789abcdef"[raw[i] & 15];
  }
  return text;
}

std::string sha256_digest(std::string_view text) {
  return Sha256().bytes(text).digest();
}

}  // namespace berth
