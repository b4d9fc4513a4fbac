#include "results/report_page.hpp"

namespace berth {
namespace {

std::string escaped(std::string_view text) {
  std::string html;
  for (const char c : text) {
    switch (c) {
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '&':
        html += "&amp;";
        break;
      case '"':
        html += "&quot;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

}  // namespace

std::string report_page(std::string_view title, std::string_view table, std::span<const std::string> notes,
                        std::span<const Picture> pictures) {
  std::string page =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<title>" + escaped(title) +
      "</title>\n<style>body{font:16px/1.5 sans-serif;max-width:960px;margin:2em auto;padding:0 1em;color:#222}"
      "pre{overflow-x:auto;background:#f6f6f4;padding:1em;font-size:13px;line-height:1.35}"
      "svg{max-width:100%;height:auto;margin:1em 0;border:1px solid #ddd}</style></head>\n<body><h1>" +
      escaped(title) + "</h1>\n";
  for (const std::string& note : notes) page += "<p>Note: " + escaped(note) + "</p>\n";
  page += "<pre>" + escaped(table) + "</pre>\n";
  for (const Picture& picture : pictures) {
    // Behind the XML declaration, if there is one: inside HTML it is not allowed.
    const std::size_t begin = picture.svg.find("<svg");
    page += picture.svg.substr(begin == std::string::npos ? 0 : begin) + "\n";
  }
  return page + "</body></html>\n";
}

}  // namespace berth
