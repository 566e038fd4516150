// SPDX-License-Identifier: GPL-3.0-or-later
// How much the expert tells about a token: normalised mutual information with its id, class, tongue and place, each beside
// what the same counts give after shuffling.
#pragma once

#include <QWidget>
#include <vector>

#include "engine/api/telemetry.h"

namespace serp::app {

struct NmiRow {
  QString name;
  double measured = 0, shuffled = 0;             ///< shuffled: mean over kShuffles orders of the same experts
};
inline constexpr int kShuffles = 8;

/// Rows for one layer of a routed text; the tongue only where it is known. Empty when the layer routed nothing.
std::vector<NmiRow> mutualInformationRows(const RoutedText& text, std::size_t layer);
/// 0 space, 1 small letter, 2 capital, 3 digit, 4 mark, 5 other, by the piece's first character that is not a space.
int tokenClass(const QString& piece);

class NmiBars final : public QWidget {
  Q_OBJECT
 public:
  explicit NmiBars(QWidget* parent = nullptr);
  void setRows(std::vector<NmiRow> rows);
  const std::vector<NmiRow>& rows() const { return rows_; }
  QSize sizeHint() const override { return {240, minimumSizeHint().height()}; }
  QSize minimumSizeHint() const override;

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  std::vector<NmiRow> rows_;
};

}  // namespace serp::app
