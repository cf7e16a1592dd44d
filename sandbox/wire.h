// sandbox/wire: the notes that the child and the init send to the runner over their control socket (one datagram each).
// Plain types only: the init has no library.
#pragma once

namespace airlock::sandbox {

enum NoteKind : unsigned {
  kNoteHello = 1,   // the child is there and waits for its identity
  kNoteOut,         // carries descriptors of /out and of the mount namespace
  kNoteFailed,      // value: index of the operation; error: errno
  kNoteNotStarted,  // the step's program could not be executed; error: errno
  kNoteEnded,       // value: wait status of the step
  kNoteListener,    // value: the child's descriptor of its seccomp listener; it waits until the runner has taken it
};

struct Note {
  unsigned kind;
  int value;
  int error;
};

// Descriptors of the init. The step itself sees only 0 to 3.
inline constexpr int kControlFd = 4, kInitFd = 5;

// argv[1] that makes the init image, run as a step, look at its own walls and print what it sees (Host::probe).
inline constexpr char kProbeArgument[] = "--airlock-probe";

}  // namespace airlock::sandbox
