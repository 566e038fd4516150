// SPDX-License-Identifier: GPL-3.0-or-later
// What a person prefers, kept between starts in one ini file.
#include "app/session/preferences.h"

#include <QSettings>
#include <QVariant>

#include "engine/api/runs.h"

namespace serp::app {

Preferences::Preferences(const QString& file, QObject* parent)
    : QObject(parent),
      settings_(file.isEmpty() ? std::make_unique<QSettings>(QSettings::IniFormat, QSettings::UserScope, QStringLiteral("serpentarium"),
                                                             QStringLiteral("serpentarium"))
                               : std::make_unique<QSettings>(file, QSettings::IniFormat)) {}

Preferences::~Preferences() = default;

void Preferences::set(const QString& key, const QVariant& value) {
  if (settings_->contains(key) && settings_->value(key) == value) return;
  settings_->setValue(key, value);
  Q_EMIT changed();
}

bool Preferences::darkTheme() const { return settings_->value(QStringLiteral("theme/dark"), true).toBool(); }
void Preferences::setDarkTheme(bool dark) { set(QStringLiteral("theme/dark"), dark); }

std::filesystem::path Preferences::runsFolder() const {
  if (!runsOverride_.isEmpty()) return runsOverride_.toStdString();
  const QString chosen = text(QStringLiteral("runs/folder"));
  return chosen.isEmpty() ? serp::defaultRunsFolder() : std::filesystem::path(chosen.toStdString());
}
void Preferences::setRunsFolder(const QString& folder) { set(QStringLiteral("runs/folder"), folder); }
void Preferences::overrideRunsFolder(const QString& folder) { runsOverride_ = folder; }

double Preferences::smoothing() const {
  const double weight = settings_->value(QStringLiteral("curves/smoothing"), 0.97).toDouble();
  return weight >= 0 && weight < 1 ? weight : 0.97;
}
void Preferences::setSmoothing(double weight) { set(QStringLiteral("curves/smoothing"), weight); }
bool Preferences::logY() const { return settings_->value(QStringLiteral("curves/log_y"), true).toBool(); }
void Preferences::setLogY(bool on) { set(QStringLiteral("curves/log_y"), on); }
bool Preferences::showRaw() const { return settings_->value(QStringLiteral("curves/raw"), true).toBool(); }
void Preferences::setShowRaw(bool on) { set(QStringLiteral("curves/raw"), on); }

QByteArray Preferences::bytes(const QString& key) const { return settings_->value(key).toByteArray(); }
void Preferences::setBytes(const QString& key, const QByteArray& value) { settings_->setValue(key, value); }
QStringList Preferences::list(const QString& key) const { return settings_->value(key).toStringList(); }
void Preferences::setList(const QString& key, const QStringList& value) { settings_->setValue(key, value); }
QString Preferences::text(const QString& key) const { return settings_->value(key).toString(); }
void Preferences::setText(const QString& key, const QString& value) { set(key, value); }

}  // namespace serp::app
