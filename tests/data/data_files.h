// SPDX-License-Identifier: GPL-3.0-or-later
// Small helpers of the data tests: reading, writing and packing files, and what a fault says.
#pragma once

#include <zlib.h>

#include <QFile>
#include <QString>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "engine/api/diagnostic.h"
#include "engine/data/corpus.h"

namespace serp::test {

inline std::string shared(const std::string& path) { return std::string(SERP_SHARED_DIR) + "/data/" + path; }

inline std::string readAll(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void writeAll(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
}

/// One gzip member.
inline std::string gzip(const std::string& bytes) {
  z_stream z{};
  deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, bytes.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  return out;
}

template <class T>
std::string said(const Result<T>& result) {
  return result ? "no fault" : result.faults().text();
}

/// The corpus of settings that must be good; a null pointer, and so an end of the test, otherwise.
inline std::unique_ptr<Corpus> openedCorpus(const DataSettings& settings) {
  auto opened = openCorpus(settings);
  if (!opened) qWarning("%s", said(opened).c_str());
  return opened ? std::move(*opened) : nullptr;
}

}  // namespace serp::test

#define VERIFY_SAYS(text, part) QVERIFY2(QString::fromStdString(text).contains(part), (text).c_str())
