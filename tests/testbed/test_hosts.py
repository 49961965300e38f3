# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done to a host is what happens to it: seen from the host, from its neighbours and from the controller."""

from __future__ import annotations

import socket
import subprocess
import time
import typing as t

import pytest

from tests.testbed import Bed, BedError, Host, wait_for

AMPLE = 90.0
BRIEF = 1.0


@pytest.fixture(scope="module")
def bed() -> t.Iterator[Bed]:
    with Bed.up({"one": "berlin", "two": "berlin", "three": "madrid"}, name="hosts", disk="32M") as bed:
        yield bed


@pytest.fixture
def host(bed: Bed) -> Host:
    return bed.hosts["one"]


def ssh(bed: Bed, host: Host, *words: str, user: str = "deploy") -> subprocess.CompletedProcess[str]:
    argv = [*bed.login(user), host.address, *words]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def answers(host: Host) -> bool:
    """Whether its sshd says a word within a second."""
    try:
        with socket.create_connection((host.address, 22), timeout=BRIEF) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def reaches(source: Host, target: Host) -> bool:
    code = f"import socket; socket.create_connection(('{target.address}', 22), timeout={BRIEF}).recv(4)"
    return source.run("python3", "-c", code, check=False).returncode == 0


def test_systemd_is_whole_and_both_logins_work_with_a_strict_host_key(bed: Bed, host: Host) -> None:
    state = host.run("systemctl", "is-system-running", "--wait", check=False).stdout.strip()
    assert state == "running", host.run("systemctl", "--failed").stdout
    assert ssh(bed, host, "sudo id -u; hostname").stdout.split() == ["0", "one"]
    assert ssh(bed, host, "id", "-u", user="root").stdout.strip() == "0"
    wrong = (bed.directory / "known_hosts").read_text().replace(bed.hosts["two"].address, "10.0.0.1")
    strangers = bed.directory / "strangers"
    strangers.write_text(wrong.replace(host.address, bed.hosts["two"].address))
    options = ["-o", f"UserKnownHostsFile={strangers}", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
    argv = [
        "ssh",
        "-F",
        "/dev/null",
        "-i",
        str(bed.directory / "id"),
        *options,
        f"root@{bed.hosts['two'].address}",
        "true",
    ]
    assert "verification failed" in subprocess.run(argv, capture_output=True, text=True, check=False).stderr


def test_services_timers_and_restarts_are_systemds_own(host: Host) -> None:
    unit = "[Service]\nExecStart=/usr/bin/sleep 1000\nRestart=always\nDynamicUser=yes\nPrivateTmp=yes\n"
    host.path("/etc/systemd/system/nap.service").write_text(unit)
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "start", "nap")
    before = host.run("systemctl", "show", "-P", "MainPID", "nap").stdout
    host.run("systemctl", "kill", "--signal=KILL", "nap")
    show = ("systemctl", "show", "-P", "MainPID", "nap")
    wait_for("a restart", lambda: host.run(*show).stdout not in (before, "0\n"), seconds=AMPLE)
    host.run("systemd-run", "--on-active=10ms", "--timer-property=AccuracySec=1ms", "touch", "/run/timer-fired")
    wait_for("the timer", lambda: host.path("/run/timer-fired").exists(), seconds=AMPLE)
    host.run("systemctl", "stop", "nap")


def test_sites_are_networks_of_their_own_that_reach_each_other(bed: Bed) -> None:
    one, two, three = bed.hosts.values()
    assert one.address.rpartition(".")[0] == two.address.rpartition(".")[0] != three.address.rpartition(".")[0]
    assert reaches(one, two) and reaches(one, three)
    bed.partition([one], [two, three])
    try:
        assert not reaches(one, two) and not reaches(three, one)
        assert reaches(two, three)
        assert all(answers(host) for host in bed.hosts.values())
    finally:
        bed.rejoin()
    assert reaches(one, two) and reaches(three, one)


def test_power_loss_keeps_the_disk_and_loses_run(host: Host) -> None:
    host.path("/srv/kept").write_text("kept")
    host.path("/etc/kept").write_text("kept")
    host.path("/run/lost").write_text("lost")
    host.power_off()
    assert not host.up and not answers(host)
    with pytest.raises(BedError, match="power-on one"):
        host.run("true")
    host.power_on()
    assert host.path("/srv/kept").read_text() == host.path("/etc/kept").read_text() == "kept"
    assert not host.path("/run/lost").exists()


def test_a_reboot_is_clean_and_has_a_boot_id_of_its_own(host: Host) -> None:
    boot_id = "/proc/sys/kernel/random/boot_id"
    before = host.run("cat", boot_id).stdout
    host.reboot()
    assert host.run("cat", boot_id).stdout != before
    assert host.run("systemctl", "is-system-running", "--wait", check=False).stdout.strip() == "running"


def test_a_cut_cable_and_a_black_hole_are_silent_until_healed(host: Host) -> None:
    for act in (host.cut, host.drop):
        act()
        assert not answers(host)
        assert host.run("true").returncode == 0
        host.heal()
        host.wait(AMPLE)


def test_a_frozen_host_takes_connections_and_says_nothing(host: Host) -> None:
    host.freeze()
    try:
        with socket.create_connection((host.address, 22), timeout=AMPLE) as connection:
            connection.settimeout(BRIEF)
            with pytest.raises(TimeoutError):
                connection.recv(4)
    finally:
        host.thaw()
    host.wait(AMPLE)


def test_loss_loses_packets_both_ways(host: Host) -> None:
    host.loss(100)
    assert not answers(host)
    rules = host.run("iptables", "-w", "-S").stdout
    assert rules.count("--comment LOSS") == 2
    host.heal()
    assert "LOSS" not in host.run("iptables", "-w", "-S").stdout
    host.wait(AMPLE)


def test_a_slow_line_takes_its_time(bed: Bed, host: Host) -> None:
    host.slow(256)
    begin = time.monotonic()
    assert len(ssh(bed, host, "head -c 100000 /dev/zero | base64 -w 0").stdout) > 100_000
    assert time.monotonic() - begin > 100_000 * 8 / 256_000
    host.heal()
    assert "tbf" not in host.run("tc", "qdisc", "show", "dev", "eth0").stdout


def test_a_full_disk_is_full_for_everybody_but_the_rest_of_the_host(host: Host) -> None:
    host.fill(leave=8192)
    try:
        done = host.run("dd", "if=/dev/zero", "of=/srv/more", "bs=64k", "count=1", check=False)
        assert "No space left on device" in done.stderr
        host.run("dd", "if=/dev/zero", "of=/root/more", "bs=64k", "count=1")
    finally:
        host.free()
    host.run("dd", "if=/dev/zero", "of=/srv/more", "bs=64k", "count=1")
    assert host.run("df", "--output=size", "-m", "/srv").stdout.split()[-1] == "32"


def test_a_wrong_clock_is_the_wall_clock_alone(bed: Bed, host: Host) -> None:
    code = "import time; print(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME))"
    wall, boot = map(float, ssh(bed, host, f"python3 -c '{code}'").stdout.split())
    host.clock("+30d")
    try:
        wrong, later = map(float, ssh(bed, host, f"sudo python3 -c '{code}'").stdout.split())
    finally:
        host.clock(None)
    assert 29 < (wrong - wall) / 86400 < 31
    assert 0 <= later - boot < 3600
    assert abs(float(ssh(bed, host, f"python3 -c '{code}'").stdout.split()[0]) - wall) < 3600
