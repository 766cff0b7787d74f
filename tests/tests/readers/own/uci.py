# Reads /etc/config/network by the grammar of OpenWrt's UCI, and does with it what
# netifd does: addresses and gateways first, then route sections by the length of
# their masks (interface-ip.c). A reader of our own, since Debian has neither. A
# bridge of one port stands for that port, as if it were not there.
import os
import re
import subprocess
import sys

failed = []


def words(text):
    """Lines as lists of words: blanks part them, quotes join them, # ends a line."""
    line, word, at = [], None, 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "'":
            end = text.index("'", at)
            word, at = (word or "") + text[at:end], end + 1
        elif char == '"':
            word = word or ""
            while text[at] != '"':
                at += text[at] == "\\"
                word, at = word + text[at], at + 1
            at += 1
        elif char == "\\":
            word, at = (word or "") + text[at], at + 1
        elif char == "#" and word is None:
            at = (text + "\n").index("\n", at)
        elif char in " \t\n;":
            if word is not None:
                line.append(word)
            word = None
            if char in "\n;" and line:
                yield line
                line = []
        else:
            word = (word or "") + char
    if word is not None or line:
        yield line + ([word] if word is not None else [])


def sections(text):
    """Sections as (type, options), of which a list has a list; by name or number."""
    found, options = {}, None
    for line in words(text):
        keyword, name, *rest = line
        if keyword == "config" and len(rest) < 2:
            assert re.fullmatch("[A-Za-z0-9_-]+", name), line
            key = rest[0] if rest else len(found)
            assert not rest or re.fullmatch("[A-Za-z0-9_]+", key), line
            options = found.setdefault(key, (name, {}))[1]
        elif keyword in ("option", "list") and len(rest) == 1 and options is not None:
            assert re.fullmatch("[A-Za-z0-9_]+", name), line
            if keyword == "option":
                options[name] = rest[0]
            else:
                old = options.get(name, [])
                options[name] = (old if isinstance(old, list) else [old]) + rest
        else:
            assert keyword == "package", line
    return found


def ip(*arguments):
    if subprocess.run(("ip",) + arguments).returncode:
        failed.append(arguments)


def length(mask):
    """The bits of a mask, dotted or not."""
    return int(mask) if mask.isdigit() else sum(bin(int(part)).count("1") for part in mask.split("."))


with open("/etc/config/network") as file:
    found = sections(file.read())
bridges = {}
for kind, options in found.values():
    if kind == "device" and options.get("type") == "bridge":
        ports = options.get("ports", options.get("ifname", []))
        ports = ports.split() if isinstance(ports, str) else ports
        # It comes up without a port that is not there.
        ports = [port for port in ports if os.path.exists("/sys/class/net/" + port)]
        bridges[options["name"]] = ports[0] if len(ports) == 1 else options["name"]
    assert "macaddr" not in options, "macaddr sets the address of a NIC"

devices, servers = {}, []
for name, (kind, options) in found.items():
    if kind != "interface" or options.get("device", options.get("ifname")) == "lo":
        continue
    device = options.get("device", options.get("ifname"))
    device = devices[name] = bridges.get(device, device)
    if options.get("proto") == "dhcpv6" or options.get("disabled") == "1" or options.get("auto") == "0":
        continue
    if options.get("proto") != "static" or not os.path.exists("/sys/class/net/" + device):
        failed.append((name, device, options.get("proto")))
        continue
    ip("link", "set", device, "up")
    address = options["ipaddr"]
    address = address[0] if isinstance(address, list) else address
    address += "" if "/" in address else "/%d" % length(options["netmask"])
    ip("address", "add", address, "dev", device)
    if "gateway" in options:
        ip("route", "add", "default", "via", options["gateway"], "dev", device,
           "metric", options.get("metric", "0"))
    dns = options.get("dns", [])
    servers += dns.split() if isinstance(dns, str) else dns

routes = []
for kind, options in found.values():
    if kind == "route" and options.get("disabled") != "1":
        target, _, bits = options["target"].partition("/")
        routes.append((int(bits or length(options.get("netmask", "32"))), target, options))
for bits, target, options in sorted(routes, key=lambda route: route[0]):
    route = ["%s/%d" % (target, bits), "dev", devices[options["interface"]]]
    if options.get("gateway"):
        route[1:1] = ["via", options["gateway"]]
    if options.get("onlink") == "1":
        route.append("onlink")
    ip("route", "add", *route, "metric", options.get("metric", "0"))

os.makedirs("/tmp/resolv.conf.d", exist_ok=True)
with open("/tmp/resolv.conf.d/resolv.conf.auto", "w") as file:
    file.writelines("nameserver %s\n" % server for server in servers)
for one in failed:
    print("failed:", *one)
sys.exit(bool(failed))
