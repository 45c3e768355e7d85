/**
 * Programs for containers that do with their memory what is hard on a migration, and can tell afterwards whether it is whole.
 */

/** Holds 48 MiB, waits for SIGUSR1, and becomes another program that holds 16 MiB and answers with their hash. */
export const execs = `
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
data = os.urandom(48 << 20)
signal.sigwait([signal.SIGUSR1])
os.execv('/usr/bin/python3', ['python3', '-c', sys.argv[1]])
`;
/**
 * Holds 24 MiB and spawns another program the way that libraries do it, by vfork; its child has the parent's memory until
 * somebody opens /tmp/gate to write, and calls exec then.
 */
export const spawns = `
import os, signal, sys
data = os.urandom(24 << 20)
os.mkfifo('/tmp/gate')
opens = [(os.POSIX_SPAWN_OPEN, 5, '/tmp/gate', os.O_RDONLY, 0)]
os.posix_spawn('/usr/bin/python3', ['python3', '-c', sys.argv[1]], os.environ, file_actions=opens)
while True: signal.pause()
`;
/** Holds this many MiB and answers whether they are still what they were. */
export const holds = (mebibytes: number): string => `
import hashlib, os, socket
data = os.urandom(${mebibytes} << 20); first = hashlib.sha256(data).hexdigest()
listener = socket.create_server(('0.0.0.0', 7000))
while True:
    peer, _ = listener.accept()
    for line in peer.makefile('r'):
        peer.sendall(f'{hashlib.sha256(data).hexdigest() == first}\\n'.encode())
`;

/**
 * Has 24 MiB of shared memory, of three kinds: mapped anonymously, and by a child as well; a memfd that is mapped; one that is
 * only open. Answers whether all of it is what it was, the child's view too.
 */
export const shares = `
use Socket;
my ($size, $anonymous, $mapped) = (8 << 20, 0x200000000000, 0x210000000000);
sub memfd { my ($name) = @_; my $fd = syscall(319, $name, 0); die "memfd_create: $!" if $fd < 0; $fd }
my ($view, $opened) = (memfd("mapped\\0"), memfd("opened\\0"));
syscall(77, $view, $size) == 0 or die "ftruncate: $!";
for ([$anonymous, 0x31, -1], [$mapped, 0x11, $view]) {
  my ($at, $flags, $fd) = @$_;
  die "mmap: $!" if syscall(9, $at, $size, 3, $flags, $fd, 0) != $at;
}
open my $random, '<', '/dev/urandom';
for ($anonymous, $mapped) { die "read: $!" if syscall(0, fileno $random, $_, $size) != $size }
die "write: $!" if syscall(1, $opened, $anonymous + 5, $size - 5) != $size - 5;
sub sum { unpack "%32N*", $_[0] }
sub held { join ' ', map { sum(unpack "P$size", pack 'Q', $_) } @_ }
sub file { my $text = "\\0" x $size; my $read = syscall(17, $opened, $text, $size, 0); "$read " . sum($text) }
my $first = held($anonymous, $mapped) . file();
pipe my $ask, my $asks; pipe my $answer, my $answers;
unless (fork) { while (sysread $ask, my $word, 1) { syswrite $answers, held($anonymous) . "\\n" } exit }
socket my $listener, PF_INET, SOCK_STREAM, 0;
setsockopt $listener, SOL_SOCKET, SO_REUSEADDR, 1;
bind $listener, sockaddr_in(7000, INADDR_ANY); listen $listener, 5;
while (accept my $peer, $listener) {
  while (sysread $peer, my $line, 100) {
    syswrite $asks, '?'; sysread $answer, my $child, 100; chomp $child;
    my $same = index($first, "$child ") == 0 && held($anonymous, $mapped) . file() eq $first;
    syswrite $peer, $same ? "True\\n" : "False\\n";
  }
}
`;

/**
 * Holds 128 MiB and writes a number into twenty pages of them, the next one every 20 ms; answers whether these pages hold
 * the number written last and all others what they held, and the number.
 */
export const writesALittle = `
import os, socket, threading, time
block, blocks, number, lock = os.urandom(1 << 20), 128, 0, threading.Lock()
memory = bytearray(blocks << 20)
for index in range(blocks): memory[index << 20:(index + 1) << 20] = block
places = [index << 20 for index in range(0, 100, 5)]
def whole(place):
    begun = 8 if place in places else 0
    return memory[place + begun:place + (1 << 20)] == block[begun:]
def write():
    global number
    while True:
        with lock:
            number += 1
            for place in places: memory[place:place + 8] = number.to_bytes(8, 'little')
        time.sleep(0.02)
threading.Thread(target=write, daemon=True).start()
listener = socket.create_server(('0.0.0.0', 7000))
while True:
    peer, _ = listener.accept()
    for line in peer.makefile('r'):
        with lock:
            written = {int.from_bytes(memory[place:place + 8], 'little') for place in places}
            rest = all(whole(index << 20) for index in range(blocks))
            peer.sendall(f'{rest and written == {number}} {number}\\n'.encode())
`;

/**
 * Holds two areas of 8 MiB in pages of 4 KiB, and has a child that writes 16 MiB over and over. When told to, puts the first area
 * over the second by mremap, page tables and all; says whose content the second has.
 */
export const remaps = `
use Socket;
my ($size, $first, $second) = (8 << 20, 0x200000000000, 0x210000000000);
unless (fork) {
  my $data = "\\0" x (16 << 20);
  while (1) { substr($data, $_ << 12, 1) = chr(rand 256) for 0 .. 4095; select undef, undef, undef, 0.2 }
}
open my $random, '<', '/dev/urandom';
for my $at ($first, $second) {
  die "mmap: $!" if syscall(9, $at, $size, 3, 0x32, -1, 0) != $at;
  syscall(28, $at, $size, 15);
  for (my $done = 0; $done < $size; $done += 1 << 20) { syscall(0, fileno $random, $at + $done, 1 << 20) == 1 << 20 or die "read: $!" }
}
sub content { unpack "P$size", pack 'Q', $_[0] }
my $wanted = content($first);
socket my $listener, PF_INET, SOCK_STREAM, 0;
bind $listener, sockaddr_in(7000, INADDR_ANY) or die "bind: $!";
listen $listener, 5;
accept my $peer, $listener;
while (my $line = <$peer>) {
  my $answer = $line !~ /remap/ ? (content($second) eq $wanted ? 'first' : 'second')
    : syscall(25, $first, $size, $size, 3, $second) == $second ? 'done' : "failed: $!";
  syswrite $peer, "$answer\\n";
}
`;

/**
 * Holds twelve areas of 4 MiB, and every 0.05 seconds gives back the oldest and takes another, at an address that
 * it has never used. Answers whether all are what they should be, and how many it has had.
 */
export const churns = `
use Socket;
my ($size, $count, $next, @held) = (4 << 20, 12, 0x200000000000);
open my $file, '+>', '/tmp/block';
open my $random, '<', '/dev/urandom';
sysread $random, my $block, 1 << 20;
syswrite $file, $block;
sub turn {
  my $at = $next; $next += 64 << 20;
  syscall(11, shift @held, $size) if @held == $count;
  die "mmap: $!" if syscall(9, $at, $size, 3, 0x32, -1, 0) != $at;
  for (my $done = 0; $done < $size; $done += 1 << 20) { syscall(17, fileno $file, $at + $done, 1 << 20, 0) == 1 << 20 or die "read: $!" }
  push @held, $at;
}
turn() for 1 .. $count;
socket my $listener, PF_INET, SOCK_STREAM, 0;
bind $listener, sockaddr_in(7000, INADDR_ANY) or die "bind: $!";
listen $listener, 5;
accept my $peer, $listener;
while (1) {
  my $ready = ''; vec($ready, fileno $peer, 1) = 1;
  if (!select $ready, undef, undef, 0.05) { turn(); next }
  last unless sysread $peer, my $line, 100;
  my $right = grep { my $at = $_; !grep { unpack('P1048576', pack 'Q', $at + ($_ << 20)) ne $block } 0 .. 3 } @held;
  syswrite $peer, "$right of $count right, " . (($next >> 26) & 0xffff) . " areas\\n";
}
`;

/**
 * Has the guest's kernel move pages of a task's largest private mapping to other frames, spread over all of it, and
 * prints the old and the new frame of each. Taking a frame out of use (soft offlining) is the one way to move a
 * chosen page that every kernel has; unlike a write, it leaves the page's soft-dirty bit alone.
 */
export const movesFrames = `
import os, struct, sys
pid, wanted = sys.argv[1], int(sys.argv[2])
spans = [line.split() for line in open(f'/proc/{pid}/maps')]
spans = [[int(x, 16) >> 12 for x in s[0].split('-')] for s in spans if s[1] == 'rw-p' and s[4] == '0']
first, end = max(spans, key=lambda span: span[1] - span[0])
pagemap = os.open(f'/proc/{pid}/pagemap', os.O_RDONLY)
offline = os.open('/sys/devices/system/memory/soft_offline_page', os.O_WRONLY)
def frame(page):
    entry, = struct.unpack('<Q', os.pread(pagemap, 8, page * 8))
    return entry & ((1 << 55) - 1) if entry >> 63 else 0
for page in range(first, end, (end - first) // wanted):
    old = frame(page)
    try: os.write(offline, hex(old << 12).encode())
    except OSError: continue
    new = frame(page)
    if old and new and new != old: print(old, new)
`;
