#include "workloads/csv.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "workloads/workload.hpp"

namespace berth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// What `act` complains about.
template <class Act>
std::string csv_error(Act act) {
  try {
    act();
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return error.what();
  }
  return "no error";
}

CsvReader reader(std::string text) {
  return CsvReader("t.csv", std::move(text), {"a", "b"}, {"c"});
}

// Every row as "a|b".
std::vector<std::string> rows(std::string text) {
  CsvReader csv("t.csv", std::move(text), {"a", "b"}, {"c"});
  std::vector<std::string> result;
  while (csv.next()) result.push_back(std::string(csv.text(0)) + "|" + std::string(csv.text(1)));
  return result;
}

TEST(Csv, FindsColumnsByNameInAnyOrder) {
  CsvReader csv = reader("x,b,a\n7,2,1\n8,4,3\n");
  EXPECT_FALSE(csv.has(2));
  EXPECT_THAT(csv.extra_columns(), ElementsAre("x"));
  ASSERT_TRUE(csv.next());
  EXPECT_EQ(csv.integer(0), 1);
  EXPECT_EQ(csv.integer(1), 2);
  EXPECT_EQ(csv.row(), 0U);
  EXPECT_EQ(csv.line(), 2U);
  ASSERT_TRUE(csv.next());
  EXPECT_EQ(csv.integer(0), 3);
  EXPECT_EQ(csv.row(), 1U);
  EXPECT_FALSE(csv.next());
  EXPECT_FALSE(csv.next());
}

TEST(Csv, LineEndsAndBlankLastLines) {
  const auto two = ElementsAre("1|2", "3|4");
  EXPECT_THAT(rows("a,b\n1,2\n3,4\n"), two);
  EXPECT_THAT(rows("a,b\n1,2\n3,4"), two);
  EXPECT_THAT(rows("a,b\r\n1,2\r\n3,4\r\n"), two);
  EXPECT_THAT(rows("a,b\r\n1,2\r\n3,4"), two);
  EXPECT_THAT(rows("a,b\n1,2\n3,4\n\n"), two);
  EXPECT_THAT(rows("a,b\r\n1,2\r\n3,4\r\n\r\n"), two);
  EXPECT_THAT(rows("\xEF\xBB\xBF"
                   "a,b\n1,2\n3,4\n"),
              two);
  EXPECT_THAT(rows("a,b\n"), ElementsAre());
  EXPECT_THAT(rows("a,b"), ElementsAre());
  EXPECT_THAT(rows("a,b\n1,\n,\n"), ElementsAre("1|", "|"));
}

TEST(Csv, QuotedFields) {
  EXPECT_THAT(rows("\"a\",b\n\"1,5\",\"\"\n"), ElementsAre("1,5|"));
  EXPECT_THAT(rows("a,b\n\"say \"\"hi\"\"\",\"\"\"\"\n"), ElementsAre("say \"hi\"|\""));
  EXPECT_THAT(rows("a,b\r\n\"1\",\"2\"\r\n"), ElementsAre("1|2"));
  EXPECT_THAT(rows("a,b\n\"two\nlines\",2\n3,4\n"), ElementsAre("two\nlines|2", "3|4"));
  EXPECT_THAT(rows("a,b\n5\" disk,2\n"), ElementsAre("5\" disk|2"));
}

TEST(Csv, BadHeaders) {
  const auto header = [](std::string text) { return csv_error([&] { reader(text); }); };
  EXPECT_EQ(header(""), "t.csv:1: the file is empty; expected a header with the columns a and b");
  EXPECT_EQ(header("\n\r\n"), "t.csv:1: the file is empty; expected a header with the columns a and b");
  EXPECT_EQ(header("a,c\n1,2\n"), "t.csv:1: no column \"b\"; expected the columns a and b");
  EXPECT_EQ(header("a,b,a\n"), "t.csv:1:5: column \"a\" is named twice; expected each column once");
  EXPECT_EQ(header(std::string("a,b\n1,\0", 7)), "t.csv:2:3: a NUL byte; expected text");
  const std::string typo = csv_error([] { CsvReader("t.csv", "name,cpu_mili\n", {"name", "cpu_milli"}, {}); });
  EXPECT_EQ(typo,
            "t.csv:1: no column \"cpu_milli\"; expected the columns name and cpu_milli; did you mean \"cpu_mili\"?");
}

TEST(Csv, BadRows) {
  const auto read = [](std::string text) { return csv_error([&] { rows(text); }); };
  EXPECT_EQ(read("a,b\n1,2\n3\n"), "t.csv:3: the row has 1 field; expected 2 as in the header");
  EXPECT_EQ(read("a,b\n1,2,3\n"), "t.csv:2: the row has 3 fields; expected 2 as in the header");
  EXPECT_EQ(read("a,b\n\n1,2\n"), "t.csv:2: the row has 1 field; expected 2 as in the header");
  EXPECT_EQ(read("a,b\n1,\"2\n3,4\n"), "t.csv:2:3: a quoted field does not end; expected a closing quote");
  EXPECT_EQ(read("a,b\n\"1\"x,2\n"), "t.csv:2:4: text after a closing quote; expected a comma or the line's end");
}

TEST(Csv, IntegersAreWholeAndInRange) {
  const auto read = [](const std::string& field) {
    return csv_error([&] {
      CsvReader csv = reader("a,b\n0," + field + "\n");
      csv.next();
      csv.integer(1, 0, 100);
    });
  };
  EXPECT_EQ(read("0"), "no error");
  EXPECT_EQ(read("100"), "no error");
  EXPECT_EQ(read("\"7\""), "no error");
  EXPECT_EQ(read("101"), "t.csv:2:3: b is \"101\"; expected a whole number from 0 to 100");
  for (const char* bad : {"-1", "", " 1", "1 ", "+1", "1.0", "1e2", "0x1", "NaN", "nan", "inf", "abc", "1\t",
                          "9223372036854775808", "-9223372036854775809", "18446744073709551616"}) {
    EXPECT_THAT(read(bad), HasSubstr("t.csv:2:3: b is \"")) << bad;
  }
  CsvReader csv = reader("a,b\n9223372036854775807,9223372036854775808\n");
  csv.next();
  EXPECT_EQ(csv.integer(0), 9'223'372'036'854'775'807);
  EXPECT_EQ(csv_error([&] { csv.integer(1); }),
            "t.csv:2:21: b is \"9223372036854775808\"; expected a whole number from 0 to 9223372036854775807");
}

TEST(Csv, NumbersAreFiniteAndInRange) {
  CsvReader csv("t.csv", "a,b,c\n1.75,1e2,-0.5\nnan,inf,1e999\n,0x1p3,2\n", {"a", "b"}, {"c"});
  csv.next();
  EXPECT_EQ(csv.number(0, 0, 10), 1.75);
  EXPECT_EQ(csv.number(1, 0, 100), 100);
  EXPECT_EQ(csv_error([&] { csv.number(2, 0, 100); }), "t.csv:2:10: c is \"-0.5\"; expected a number from 0 to 100");
  csv.next();
  for (const std::size_t column : {0, 1, 2}) {
    EXPECT_THAT(csv_error([&] { csv.number(column, -1e300, 1e300); }), HasSubstr("; expected a number from"));
  }
  csv.next();
  EXPECT_THAT(csv_error([&] { csv.number(0, 0, 9); }), HasSubstr("t.csv:4:1: a is \"\""));
  EXPECT_THAT(csv_error([&] { csv.number(1, 0, 9); }), HasSubstr("t.csv:4:2: b is \"0x1p3\""));
}

TEST(Csv, SecondsAreExactWhereWhole) {
  CsvReader csv("t.csv", "a,b,c\n9223372036,1.5,0\n9223372037,-1,-0.1\nnan,1e10,1s\n", {"a", "b"}, {"c"});
  csv.next();
  EXPECT_EQ(csv.seconds(0).ns, 9'223'372'036'000'000'000);
  EXPECT_EQ(csv.seconds(1).ns, 1'500'000'000);
  EXPECT_EQ(csv.seconds(2).ns, 0);
  while (csv.next()) {
    for (const std::size_t column : {0, 1, 2}) {
      EXPECT_THAT(csv_error([&] { csv.seconds(column); }), HasSubstr("; expected seconds from 0 to 9223372036"));
    }
  }
}

TEST(Csv, PlacesCountCharactersAndLines) {
  CsvReader csv = reader("a,b\nü€,x\n\"p\nq\",y\n\"z\",\"w\"\n");
  csv.next();
  EXPECT_EQ(to_string(csv.place(1)), "t.csv:2:4");  // ü and € are one character each, then the comma.
  csv.next();
  EXPECT_EQ(to_string(csv.place(0)), "t.csv:3:1");
  EXPECT_EQ(to_string(csv.place(1)), "t.csv:4:4");
  csv.next();
  EXPECT_EQ(csv.line(), 5U);
  EXPECT_EQ(to_string(csv.place(1)), "t.csv:5:5");  // At the quote.
}

TEST(Csv, MessagesStayOneShortLine) {
  CsvReader csv = reader("a,b\n\"x\r\ny\"," + std::string(1'000, 'z') + "\n");
  csv.next();
  EXPECT_THAT(csv_error([&] { csv.integer(0); }), HasSubstr("a is \"x\\x0d\\x0ay\""));
  EXPECT_LT(csv_error([&] { csv.integer(1); }).size(), 200U);
}

TEST(Csv, FilesThatCannotBeRead) {
  EXPECT_EQ(csv_error([] { CsvReader("/nowhere/t.csv", {"a"}, {}); }),
            "/nowhere/t.csv: no such file; expected a CSV file");
  EXPECT_THAT(csv_error([] { CsvReader(testing::TempDir(), std::vector<std::string>{"a"}, {}); }),
              HasSubstr(": is a folder; expected a CSV file"));
}

TEST(Csv, NotesWhatIsNotRead) {
  ImportReport report;
  report.rows_read = 1;
  note_columns_not_read(reader("a,b,x,y,z\n"), report);
  EXPECT_THAT(report.notes, ElementsAre("columns not read: x, y and z"));
  report = {};
  note_columns_not_read(reader("a,b\n"), report);
  EXPECT_THAT(report.notes, ElementsAre("the file has a header and no rows"));
}

// Whatever is cut off or overwritten, the reader ends with rows or with an InputError.
TEST(CsvProperty, DamagedTextNeverCrashes) {
  const std::string whole = "a,b,c\r\n\"1,\"\"x\"\"\",2,3\n4,\"5\n5\",6\r\n7,8,9\n";
  const std::string bytes = std::string("\",\n\rA\xFF", 6) + '\0';
  std::size_t accepted = 0;
  std::size_t rejected = 0;
  const auto count = [&](const std::string& text) {
    ++(csv_error([&] { rows(text); }) == "no error" ? accepted : rejected);
  };
  for (std::size_t i = 0; i < whole.size(); ++i) {
    count(whole.substr(0, i));
    for (const char byte : bytes) {
      std::string damaged = whole;
      damaged[i] = byte;
      count(damaged);
    }
  }
  EXPECT_EQ(accepted + rejected, whole.size() * 8);
  EXPECT_GT(accepted, whole.size());
  EXPECT_GT(rejected, whole.size());
}

}  // namespace
}  // namespace berth
