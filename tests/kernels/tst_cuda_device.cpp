// SPDX-License-Identifier: GPL-3.0-or-later
// Without a GPU every GPU kernel says so, whether or not this build has CUDA; with one, nothing here may launch on host
// memory.
#include "kernels/cuda_memory.h"
#include "tests/kernels/kernel_testing.h"

using namespace serp::kernels;
using namespace serp::test;

class TestCudaDevice : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void saysWhatItHas() {
    QVERIFY(cuda::deviceCount() >= 0);
    if (!cuda::compiled()) QCOMPARE(cuda::deviceCount(), 0);
  }

  void everyKernelAnswersNoDevice() {
    if (cuda::deviceCount() > 0) QSKIP("this machine has a GPU");
    float x[4] = {1, 2, 3, 4}, y[4] = {}, m[4] = {}, v[4] = {};
    double total = 7;
    void* memory = nullptr;
    std::int32_t index[4] = {};
    std::int64_t target[1] = {0}, offsets[2] = {};
    ScanInput scan;
    scan.u = scan.delta = scan.A = scan.B = scan.C = x,
    scan.uStride = scan.deltaStride = scan.bStride = scan.cStride = 1;
    ConvInput conv;
    conv.x = conv.weight = x, conv.xStride = 1;
    ScanGradients scanGradients;
    scanGradients.dy = x, scanGradients.dyStride = 1;
    ConvGradients convGradients;
    convGradients.dOut = x, convGradients.dOutStride = 1;
    const ScanShape s{1, 1, 1, 1};
    const ConvShape c{1, 1, 1, 1};
    const NormShape n{NormKind::Rms, 1, 1, 1e-5f};
    const RouteOutput r{y, index, y, index, index, index, offsets, target, y};
    const Status answers[] = {
        cuda::scanForward(s, scan, {y, 1, nullptr, nullptr}, {}),
        cuda::scanBackward(s, scan, x, scanGradients, y, {}),
        cuda::scanStep(s, scan, x, y, 1, {}),
        cuda::convForward(c, conv, y, 1, {}),
        cuda::convBackward(c, conv, convGradients, y, {}),
        cuda::convStep(c, conv, nullptr, y, 1, {}),
        cuda::normForward(n, x, 1, nullptr, nullptr, y, 1, y + 1, {}),
        cuda::normBackward(n, x, 1, nullptr, x, x, 1, nullptr, y, 1, nullptr, nullptr, y, {}),
        cuda::crossEntropy(1, 4, x, 4, target, {y, nullptr, nullptr, 0, 1}, {}),
        cuda::route({1, 1, 1, 0, 0}, x, 1, r, {}),
        cuda::routeMeanProbability(1, 1, x, y, y, {}),
        cuda::routeBackward(1, 1, 1, x, index, nullptr, nullptr, nullptr, 0, y, {}),
        cuda::gatherRows(x, 1, 1, index, 1, y, {}),
        cuda::combineRows(x, 1, index, nullptr, 1, 1, y, 1, {}),
        cuda::combineRowsBackward(x, 1, index, index, index, nullptr, 1, 1, 1, x, 1, y, nullptr, {}),
        cuda::adamw(4, x, y, m, v, {}, false, {}),
        cuda::adamwPrepare({}, nullptr, nullptr, 0, target, y, nullptr, {}),
        cuda::adamwApply(4, x, y, m, v, y, 0, false, nullptr, {}),
        cuda::writeShadow(4, x, reinterpret_cast<cuda::Bf16*>(y), {}),
        cuda::normResidualForward(n, x, 1, x, 1, y, 1, nullptr, nullptr, y, 1, nullptr, {}),
        cuda::capacityPlaces(1, 1, 1, 1, r, index, index, index, {}),
        cuda::activate({1, 1, x, 1, nullptr, 0}, cuda::Activation::Silu, y, 1, {}),
        cuda::activateBackward({1, 1, x, 1, nullptr, 0}, cuda::Activation::Silu, x, 1, y, 1, nullptr, 0, {}),
        cuda::ropeAngles(1, 2, 1e4, 0, nullptr, y, y + 1, {}),
        cuda::splitHeads({1, 1, 1, 1}, x, nullptr, nullptr, y, y + 1, y + 2, {}),
        cuda::splitHeadsBackward({1, 1, 1, 1}, {x, 1, 1, 1}, {x, 1, 1, 1}, {x, 1, 1, 1}, nullptr, nullptr, y, {}),
        cuda::columnSum(1, 1, x, 1, y, y + 1, {}),
        cuda::embeddingForward(1, 1, 1, target, x, 1, y, 1, {}),
        cuda::embeddingBackward(1, 1, 1, target, x, 1, 1, false, y, y, {}),
        cuda::allocate(4, 4, &memory),
        cuda::copyIn(y, x, 4),
        cuda::copyOut(y, x, 4),
        cuda::wait({}),
        cuda::sumOfSquares(4, x, &total, &total, {})};
    for (const Status status : answers) QCOMPARE(status, Status::NoDevice);
    QCOMPARE(total, 7.0);  // and nothing was written
    QCOMPARE(y[0], 0.0f);
  }
};

QTEST_GUILESS_MAIN(TestCudaDevice)
#include "tst_cuda_device.moc"
