# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# What a user could have instead of wbfs, on the same image: a plain loop device, and FUSE daemons
# of others. Those that are not installed are left out.
