// Names of table rows: `INSTANTIATE_TEST_SUITE_P(Table, Suite, testing::Values(…), CaseName{})` for rows with a `name`.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace berth::test {

struct CaseName {
  template <class Row>
  std::string operator()(const testing::TestParamInfo<Row>& row) const {
    return row.param.name;
  }
};

}  // namespace berth::test
