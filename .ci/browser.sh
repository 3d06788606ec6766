#!/usr/bin/env bash
# Installs Debian's Chromium and a Japanese font where we are root and they are missing.
set -euo pipefail

wanted=()
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || wanted+=(chromium)
fc-list :lang=ja 2>/dev/null | grep -q . || wanted+=(fontconfig fonts-ipafont-gothic)
[ ${#wanted[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "browser tests will be skipped: install ${wanted[*]} to run them" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null
