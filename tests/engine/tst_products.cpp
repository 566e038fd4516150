// SPDX-License-Identifier: GPL-3.0-or-later
// Products and attention against LibTorch's own, with every option, and the thread pool they run on.
#include <QTest>

#include <ATen/Parallel.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <array>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "engine/base/error.h"
#include "engine/ops/attention.h"
#include "engine/ops/kernel_calls.h"
#include "engine/ops/linear.h"
#include "engine/ops/parallel.h"
#include "engine/ops/products.h"
#include "engine/ops/rope.h"

using namespace serp;
using namespace serp::ops;

namespace {

double worst(const at::Tensor& got, const at::Tensor& want) {
  const at::Tensor g = got.detach().contiguous(), w = want.detach().contiguous();
  return worstDisagreement({g.const_data_ptr<float>(), static_cast<std::size_t>(g.numel())},
                           {w.const_data_ptr<float>(), static_cast<std::size_t>(w.numel())});
}

}  // namespace

class TestProducts : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void cleanup() {
    setKernelMode(KernelMode::Fast);
    setPrecision(Precision::Float32);
    at::set_num_threads(1);
  }

  /// at::parallel_for is a template: compiled without OpenMP it would quietly run everything in one thread.
  void thePoolHasTheThreadsItPromises() {
    at::set_num_threads(2);
    const auto parallel = torchParallel();
    QCOMPARE(parallel.threads, 2);
    std::mutex lock;
    std::set<std::thread::id> seen;
    std::atomic<int> pieces{0};
    parallel(2, 1, [&](std::int64_t begin, std::int64_t end) {
      QCOMPARE(end - begin, std::int64_t{1});
      ++pieces;
      const std::lock_guard hold(lock);
      seen.insert(std::this_thread::get_id());
    });
    QCOMPARE(pieces.load(), 2);
    QCOMPARE(seen.size(), std::size_t{2});
  }

  void everyOptionOfAProduct() {
    at::manual_seed(1);
    for (const auto& [M, N, K] : {std::array<std::int64_t, 3>{1, 5, 7}, {7, 40, 33}, {40, 3, 65}, {64, 48, 300}, {30, 16, 1}})
      for (int mode = 0; mode < 8; ++mode) {
        ProductOptions o;
        o.accumulate = mode & 1;
        o.relu = mode & 2;
        if (mode & 4) o.bias = at::randn({N});
        const at::Tensor a = at::randn({K, M}).t(), b = at::randn({K, N}), old = at::randn({M, N});
        at::Tensor want = at::mm(a, b), got = old.clone();
        if (o.accumulate) want = want.add(old);
        if (o.bias.defined()) want = want.add(o.bias);
        if (o.relu) want = want.relu();
        multiply(got, a, b, o);
        QVERIFY2(worst(got, want) < 3e-6, qPrintable(QString("%1 %2 %3 mode %4").arg(M).arg(N).arg(K).arg(mode)));
      }
  }

  void bfloat16OperandsAreRoundedOnceAndSumsAreWide() {
    const at::Tensor a = at::randn({40, 300}), b = at::randn({300, 50});
    setPrecision(Precision::Bfloat16);
    const at::Tensor want = at::mm(a.to(at::kBFloat16).to(at::kFloat), b.to(at::kBFloat16).to(at::kFloat));
    QVERIFY(worst(product(a, b), want) < 5e-6);
    ProductOptions wide;
    wide.wide = true;
    QVERIFY(worst(product(a, b, wide), at::mm(a, b)) < 3e-6);
    QVERIFY(worst(product(a, b), at::mm(a, b)) > 1e-4);
  }

  void checkModeComparesBothAndReferenceModeIsTheLibrarys() {
    const at::Tensor a = at::randn({40, 30}), b = at::randn({30, 50});
    const at::Tensor fast = product(a, b);
    setKernelMode(KernelMode::Check);
    QVERIFY(at::equal(product(a, b), fast));
    setKernelMode(KernelMode::Reference);
    QVERIFY(at::equal(product(a, b), at::mm(a, b)));
  }

  void sizesThatDoNotFitAreRefused() {
    QVERIFY_THROWS_EXCEPTION(Error, product(at::randn({4, 5}), at::randn({6, 3})));
  }

  void attentionEqualsTheLibrarys_data() {
    QTest::addColumn<int>("length");
    QTest::addColumn<int>("heads");
    QTest::addColumn<int>("width");
    QTest::addColumn<double>("base");
    QTest::newRow("one token") << 1 << 2 << 8 << 10000.0;
    QTest::newRow("odd width") << 19 << 3 << 7 << 100.0;
    QTest::newRow("no rotation") << 40 << 2 << 16 << 0.0;
    QTest::newRow("more than a block") << 130 << 1 << 64 << 10000.0;
  }
  void attentionEqualsTheLibrarys() {
    QFETCH(int, length);
    QFETCH(int, heads);
    QFETCH(int, width);
    QFETCH(double, base);
    at::manual_seed(2);
    const at::Tensor values = at::randn({2, length, 3 * heads * width}), dy = at::randn({2, length, heads * width});
    const auto leaf = [&] { return values.clone().set_requires_grad(true); };
    const at::Tensor ours = leaf(), theirs = leaf();
    const at::Tensor got = attention(ours, {heads, base, 0});
    at::Tensor q, k, v;
    splitHeads(theirs, heads, base, 0, q, k, v);
    const at::Tensor want = at::scaled_dot_product_attention(q, k, v, {}, 0.0, true).transpose(1, 2).reshape_as(got);
    QVERIFY(worst(got, want) < 3e-6);
    got.backward(dy);
    want.backward(dy);
    QVERIFY(worst(ours.grad(), theirs.grad()) < 6e-6);
    setKernelMode(KernelMode::Check);
    const at::Tensor again = leaf();
    attention(again, {heads, base, 0}).backward(dy);
    QVERIFY(length == 1 || at::equal(again.grad(), ours.grad()));  // a lone query: the plain path's rounding of 0 stays
  }
};

QTEST_GUILESS_MAIN(TestProducts)
#include "tst_products.moc"
