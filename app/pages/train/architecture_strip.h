// SPDX-License-Identifier: GPL-3.0-or-later
// The running architecture as a row of cards: norms, update ratio, gradient, and the load of every expert layer.
#pragma once

#include <QColor>
#include <QStringList>
#include <QWidget>
#include <vector>

namespace serp::app {

struct Workspace;

/// One widget, painted once a tick. A click on an expert layer moves the cursor to it; the strip scrolls in its scroll area.
class ArchitectureStrip final : public QWidget {
  Q_OBJECT
 public:
  explicit ArchitectureStrip(Workspace& workspace, QWidget* parent = nullptr);
  void refresh();
  QSize sizeHint() const override;
  QSize minimumSizeHint() const override { return sizeHint(); }

 Q_SIGNALS:
  void blockClicked(const QString& path);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  bool event(QEvent* event) override;

 private:
  struct Card {
    QString label, path;
    QColor hue;
    double norm = 0, ratio = 0, grad = 0;
    std::vector<double> load;                      ///< over fair share; empty: not an expert layer
    int idle = 0, layer = -1;
    bool end = false, measured = true;             ///< end: embedding or head
  };
  void paintCard(QPainter& painter, const Card& card, const QRectF& box) const;
  std::vector<QRectF> boxes() const;
  QString tip(const Card& card) const;
  Workspace& workspace_;
  std::vector<Card> cards_;
};

}  // namespace serp::app
