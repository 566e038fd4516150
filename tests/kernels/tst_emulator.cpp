// SPDX-License-Identifier: GPL-3.0-or-later
// The emulation itself: every planted bug is noticed as its table says, and the same kernel without it passes.
#include <QTest>

#include "kernels/emulated/emulator.h"
#include "tests/kernels/planted_bugs.h"

using namespace serp::kernels;
using namespace serp::test;

namespace {

constexpr unsigned kOrders[] = {emulator::kForward, emulator::kReverse, 3, 11, 29};

QString said() {
  QString all;
  for (const std::string& e : emulator::takeErrors()) all += QString::fromStdString(e) + '\n';
  return all;
}

/// Bit for bit, so that NaN equals itself.
bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

class TestEmulator : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void init() {
    emulator::setOrder(emulator::kForward);
    emulator::setTimeout(0.2);
    emulator::takeErrors();
  }

  void noticesPlantedBugs_data() {
    QTest::addColumn<int>("index");
    for (std::size_t i = 0; i < plantedBugs().size(); ++i) QTest::newRow(plantedBugs()[i].name) << static_cast<int>(i);
  }
  void noticesPlantedBugs() {
    QFETCH(int, index);
    const PlantedBug& bug = plantedBugs()[static_cast<std::size_t>(index)];
    std::vector<std::vector<float>> right, wrong;
    for (const unsigned order : kOrders) {
      emulator::setOrder(order);
      right.push_back(bug.run(false));
      const QString complaints = said();
      QVERIFY2(complaints.isEmpty(), qPrintable("without the bug: " + complaints));
      QVERIFY(same(right.back(), right.front()));
    }
    for (const unsigned order : kOrders) {
      emulator::setOrder(order);
      wrong.push_back(bug.run(true));
      const QString complaints = said();
      if (bug.shows != Shows::InWords) QVERIFY2(complaints.isEmpty(), qPrintable(complaints));
      if (bug.shows == Shows::InAnswer) QVERIFY(!same(wrong.back(), right.back()));
      if (order != emulator::kForward) continue;  // what is said of the other orders names other threads
      if (bug.shows == Shows::InWords) QVERIFY2(complaints.contains(bug.words), qPrintable("said: " + complaints));
    }
    if (bug.shows == Shows::InOrder)
      QVERIFY(std::any_of(wrong.begin(), wrong.end(), [&](const auto& w) { return !same(w, wrong.front()); }));
  }

  void thereAreEnough() { QVERIFY(plantedBugs().size() >= 40); }
};

QTEST_GUILESS_MAIN(TestEmulator)
#include "tst_emulator.moc"
