// SPDX-License-Identifier: GPL-3.0-or-later
// Running `serp` like a person does: arguments in, exit code and both streams out, data and cache folders of its own.
#pragma once

#include <QProcess>
#include <QTemporaryDir>
#include <QtTest/QtTest>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace serp::test {

namespace fs = std::filesystem;
using Json = nlohmann::json;

inline QString serpProgram() { return QStringLiteral(SERP_BINARY_DIR "/bin/serp"); }

/// What a program said and how it ended; code -1: it crashed or did not end.
struct Ran {
  int code = -1;
  std::string out, err;
  Json json() const { return Json::parse(out, nullptr, false); }
  std::vector<Json> lines() const {
    std::vector<Json> all;
    std::istringstream in(out);
    for (std::string line; std::getline(in, line);) all.push_back(Json::parse(line, nullptr, false));
    return all;
  }
};

/// One test's folder, and the programs that run in it.
class Room {
 public:
  Room() {
    QProcessEnvironment e = QProcessEnvironment::systemEnvironment();
    e.insert(QStringLiteral("XDG_DATA_HOME"), dir_.filePath(QStringLiteral("data")));
    e.insert(QStringLiteral("XDG_CACHE_HOME"), dir_.filePath(QStringLiteral("cache")));
    e.insert(QStringLiteral("LC_ALL"), QStringLiteral("C"));
    environment_ = e;
  }
  fs::path path(const std::string& name) const { return fs::path(dir_.path().toStdString()) / name; }
  std::string write(const std::string& name, const std::string& bytes) const {
    fs::create_directories(path(name).parent_path());
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name).string();
  }
  void prepare(QProcess& process, const QStringList& arguments) const {
    process.setProcessEnvironment(environment_);
    process.setWorkingDirectory(dir_.path());
    process.setProgram(serpProgram());
    process.setArguments(arguments);
  }
  Ran run(const QStringList& arguments, const QByteArray& input = {}, int seconds = 60) const {
    QProcess process;
    prepare(process, arguments);
    process.start();
    process.write(input);
    process.closeWriteChannel();
    return finish(process, seconds);
  }
  static Ran finish(QProcess& process, int seconds = 60) {
    Ran r;
    const bool ended = process.waitForFinished(seconds * 1000);
    if (!ended) process.kill(), process.waitForFinished();
    r.code = ended && process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1;
    r.out = process.readAllStandardOutput().toStdString();
    r.err = process.readAllStandardError().toStdString();
    return r;
  }

 private:
  QTemporaryDir dir_;
  QProcessEnvironment environment_;
};

inline std::string readAll(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A design that starts in well under a second and steps in a few milliseconds.
inline std::string tinyDesign(const std::string& train = "steps: 30, eval_every: 10, eval_batches: 2, sample_every: 20, checkpoint_every: 10",
                              const std::string& data = "source: babel, babel_bytes: 20000, context: 32") {
  return "name: tiny\nthreads: 1\nmodel: {d_model: 16, blocks: [{kind: mamba, d_state: 4}, {kind: switch_moe, experts: 4, d_expert: 16}]}\ntrain: {batch: 2, " +
         train + "}\ndata: {" + data + "}\n";
}

/// Every file below a folder with its bytes, to see that nothing changed.
inline std::map<std::string, std::string> snapshot(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) all[fs::relative(entry.path(), folder).string()] = readAll(entry.path());
  return all;
}

inline std::string firstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace serp::test
