// SPDX-License-Identifier: GPL-3.0-or-later
// Spelling of numbers; always with a point, whatever the locale, so that they can be copied into a paper or a script.
#include "app/models/figures.h"

#include <array>
#include <cmath>

namespace serp::app {
namespace {

QString threeDigits(double value) {
  const double size = std::abs(value);
  return QString::number(value, 'f', size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

QString scaled(double value, double base, const std::array<const char*, 6>& units) {
  std::size_t unit = 0;
  while (std::abs(value) >= base * 0.9995 && unit + 1 < units.size()) {
    value /= base;
    ++unit;
  }
  const QString digits = unit == 0 ? QString::number(value, 'f', value == std::floor(value) ? 0 : 1) : threeDigits(value);
  return *units[unit] ? digits + QChar(0x00A0) + QString::fromUtf8(units[unit]) : digits;
}

}  // namespace

QString shortCount(double value) {
  return std::isfinite(value) ? scaled(value, 1000, {"", "k", "M", "G", "T", "P"}) : QStringLiteral("–");
}

QString groupedCount(std::int64_t value) {
  QString digits = QString::number(value < 0 ? -value : value);
  for (qsizetype at = digits.size() - 3; at > 0; at -= 3) digits.insert(at, QLatin1Char(','));
  return value < 0 ? QChar(0x2212) + digits : digits;
}

QString bytesText(double bytes) {
  return std::isfinite(bytes) ? scaled(bytes, 1024, {"B", "KiB", "MiB", "GiB", "TiB", "PiB"}) : QStringLiteral("–");
}

QString percentText(double share) {
  return std::isfinite(share) ? QString::number(100 * share, 'f', 1) + QStringLiteral(" %") : QStringLiteral("–");
}

QString fixedText(double value, int decimals) {
  return std::isfinite(value) ? QString::number(value, 'f', decimals) : QStringLiteral("–");
}

QString signedText(double value, int decimals) {
  if (!std::isfinite(value)) return QStringLiteral("–");
  return (value < 0 ? QChar(0x2212) : QChar('+')) + QString::number(std::abs(value), 'f', decimals);
}

}  // namespace serp::app
