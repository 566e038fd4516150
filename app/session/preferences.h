// SPDX-License-Identifier: GPL-3.0-or-later
// What a person prefers, kept between starts: theme, folders, curve options, window layout, last workspace. Never run data.
#pragma once

#include <QByteArray>
#include <QObject>
#include <QString>
#include <QStringList>
#include <filesystem>
#include <memory>

class QSettings;

namespace serp::app {

/// GUI thread only; reads once, writes through. `file` empty: the platform's place; tests pass their own file.
class Preferences final : public QObject {
  Q_OBJECT
 public:
  explicit Preferences(const QString& file = {}, QObject* parent = nullptr);
  ~Preferences() override;

  bool darkTheme() const;
  void setDarkTheme(bool dark);
  std::filesystem::path runsFolder() const;          ///< where new runs go; the engine's default unless changed
  void setRunsFolder(const QString& folder);
  void overrideRunsFolder(const QString& folder);    ///< for this start only (--out)
  double smoothing() const;                          ///< 0..0.999, weight kept per step
  void setSmoothing(double weight);
  bool logY() const;
  void setLogY(bool on);
  bool showRaw() const;                              ///< draw the unsmoothed curve behind the smoothed one
  void setShowRaw(bool on);

  QByteArray bytes(const QString& key) const;        ///< window geometry, splitters
  void setBytes(const QString& key, const QByteArray& value);
  QStringList list(const QString& key) const;        ///< recent files, open tabs
  void setList(const QString& key, const QStringList& value);
  QString text(const QString& key) const;
  void setText(const QString& key, const QString& value);

 Q_SIGNALS:
  void changed();

 private:
  void set(const QString& key, const QVariant& value);
  std::unique_ptr<QSettings> settings_;
  QString runsOverride_;
};

}  // namespace serp::app
