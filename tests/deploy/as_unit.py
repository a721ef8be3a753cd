"""Starts a unit as systemd does, as far as that goes without systemd: in a root, as the unit's user, with its command,
folders and their modes, a file system that is otherwise read-only, its filter of system calls and its address families.
The groups of calls are those of the root's own systemd.
usage: as_unit.py ROOT UNIT; needs root and libseccomp, which apt has."""
import ctypes
import errno
import os
import socket
import subprocess
import sys

ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
EQUAL = 4


class Comparison(ctypes.Structure):
    _fields_ = [('argument', ctypes.c_uint), ('operator', ctypes.c_int), ('value', ctypes.c_uint64), ('other', ctypes.c_uint64)]


def groups(root):
    """The groups of calls by name, as the root's systemd knows them."""
    found, members = {}, None
    listed = subprocess.run(['chroot', root, 'systemd-analyze', 'syscall-filter', '--no-pager'], check=True, capture_output=True, text=True)
    for line in map(str.strip, listed.stdout.splitlines()):
        if line.startswith('@') and members is None:
            members = found.setdefault(line, [])
        elif not line:
            members = None
        elif members is not None and not line.startswith('#'):
            members.append(line)
    return found


def expanded(word, known):
    """A call, or all calls of a group. systemd ignores a group that it does not know."""
    if not word.startswith('@'):
        return {word}
    return set().union(*(expanded(member, known) for member in known.get(word, [])))


def settings(root, unit):
    with open(f'{root}/lib/systemd/system/{unit}', encoding='utf-8') as lines:
        return [line.strip().split('=', 1) for line in lines if '=' in line and not line.startswith(('#', '['))]


def allowed_calls(unit, known):
    calls = expanded('@default', known)
    for key, value in unit:
        if key == 'SystemCallFilter':
            named = set().union(*(expanded(word, known) for word in value.lstrip('~').split()))
            calls = calls - named if value.startswith('~') else calls | named
    return calls


def confine(calls, families):
    library = ctypes.CDLL('libseccomp.so.2')
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(REFUSE))
    for call in sorted(calls - {'socket'}):
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:
            assert library.seccomp_rule_add(context, ALLOW, number, 0) == 0, call
    number = library.seccomp_syscall_resolve_name(b'socket')
    for family in families:
        comparison = Comparison(0, EQUAL, family, 0)
        assert library.seccomp_rule_add_array(context, ALLOW, number, 1, ctypes.byref(comparison)) == 0
    assert library.seccomp_load(context) == 0


def mount(*arguments):
    subprocess.run(['mount', *arguments], check=True)


def writable(path, mode):
    """A folder of the unit: its mode is set at each start, and it stays writable."""
    if mode is not None:
        os.chmod(path, mode)
    mount('--bind', path, path)


def protect(root, unit):
    """ProtectSystem=strict in a mount namespace of its own: only the unit's folders can be written to."""
    assert ctypes.CDLL(None, use_errno=True).unshare(0x00020000) == 0, 'no mount namespace'
    mount('--make-rprivate', '/')
    values = dict(unit)
    assert values['ProtectSystem'] == 'strict' and values['PrivateTmp'] == 'yes'
    # systemd's own default mode is 0755.
    writable(f"{root}/var/lib/{values['StateDirectory']}", int(values.get('StateDirectoryMode', '0755'), 8))
    writable(f"{root}/run/{values['RuntimeDirectory']}", int(values.get('RuntimeDirectoryMode', '0755'), 8))
    for path in values.get('ReadWritePaths', '').split():
        if os.path.exists(f"{root}/{path.lstrip('-')}"):
            writable(f"{root}/{path.lstrip('-')}", None)
    mount('-t', 'tmpfs', '-o', 'mode=1777', 'tmpfs', f'{root}/tmp')
    mount('-o', 'remount,bind,ro', root)


def command(root, unit, instance):
    """ExecStart, with the instance and the variables of the environment file."""
    values = dict(unit)
    line = values['ExecStart'].replace('%I', instance)
    if 'EnvironmentFile' in values:
        with open(root + values['EnvironmentFile'].replace('%I', instance), encoding='utf-8') as variables:
            for name, value in (entry.strip().split('=', 1) for entry in variables):
                line = line.replace(f'${{{name}}}', value)
    return line.split()


root, name = sys.argv[1:]
instance = name.partition('@')[2].removesuffix('.service')
unit = settings(root, name.replace(f'@{instance}', '@') if instance else name)
calls = allowed_calls(unit, groups(root))
assert len(calls) > 200, f'only {len(calls)} calls are known'
families = [getattr(socket, family) for key, value in unit if key == 'RestrictAddressFamilies' for family in value.split()]
with open(f'{root}/etc/passwd', encoding='utf-8') as users:
    user = dict(unit)['User']
    _, _, uid, gid, *_ = next(line.split(':') for line in users if line.startswith(f'{user}:'))
start = command(root, unit, instance)
protect(root, unit)
os.chroot(root)
os.chdir(dict(unit)['WorkingDirectory'])
os.umask(int(dict(unit)['UMask'], 8))
os.setgroups([])
os.setgid(int(gid))
os.setuid(int(uid))
confine(calls, families)
os.execv(start[0], start)
