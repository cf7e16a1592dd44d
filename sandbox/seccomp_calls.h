// sandbox/seccomp_calls: the lists behind the seccomp profile. Data only.
#pragma once

#include <array>

namespace airlock::sandbox {

// Given freely. What is missing here and below does not exist for a step (ENOSYS).
inline constexpr const char* kAllowedCalls[] = {
    // files
    "access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3",
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2",
    "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod", "fchmodat", "fchown", "fchownat",
    "fdatasync", "fgetxattr", "flistxattr", "flock", "fstat", "fstatfs", "fsync", "ftruncate", "futimesat", "getcwd",
    "getdents", "getdents64", "getxattr", "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch",
    "lchown", "lgetxattr", "link", "linkat", "listxattr", "llistxattr", "lseek", "lstat", "memfd_create", "mkdir",
    "mkdirat", "newfstatat", "open", "openat", "openat2", "pipe", "pipe2", "poll", "ppoll", "pread64", "preadv",
    "preadv2", "pselect6", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat", "readv",
    "rename", "renameat", "renameat2", "rmdir", "select", "sendfile", "splice", "stat", "statfs", "statx", "symlink",
    "symlinkat", "sync_file_range", "syncfs", "tee", "truncate", "umask", "unlink", "unlinkat", "utime", "utimensat",
    "utimes", "vmsplice", "write", "writev",
    // memory
    "brk", "madvise", "membarrier", "mincore", "mlock", "mlock2", "mlockall", "mmap", "mprotect", "mremap", "msync",
    "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect", "remap_file_pages",
    // processes, threads, signals
    "arch_prctl", "execve", "execveat", "exit", "exit_group", "fork", "futex", "get_robust_list", "getpgid", "getpgrp",
    "getpid", "getppid", "getpriority", "getrlimit", "getrusage", "getsid", "gettid", "ioprio_get", "ioprio_set",
    "kill", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "pause", "pidfd_open",
    "pidfd_send_signal", "prctl", "prlimit64", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending",
    "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo",
    "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getattr", "sched_getparam",
    "sched_getscheduler", "sched_rr_get_interval", "sched_setaffinity", "sched_setattr", "sched_setparam",
    "sched_setscheduler", "sched_yield", "set_robust_list", "set_tid_address", "setpgid", "setpriority", "setrlimit",
    "setsid", "sigaltstack", "signalfd", "signalfd4", "tgkill", "tkill", "vfork", "wait4", "waitid",
    // identity: readable; a change has no capability behind it
    "capget", "capset", "getegid", "geteuid", "getgid", "getgroups", "getresgid", "getresuid", "getuid", "setfsgid",
    "setfsuid", "setgid", "setgroups", "setregid", "setresgid", "setresuid", "setreuid", "setuid",
    // time
    "alarm", "clock_getres", "clock_gettime", "clock_nanosleep", "getitimer", "gettimeofday", "nanosleep", "setitimer",
    "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime", "timerfd_create",
    "timerfd_gettime", "timerfd_settime", "times",
    // sockets (socket and socketpair themselves: by family)
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom", "recvmmsg",
    "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    // System V IPC, in a namespace of its own
    "msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop", "semtimedop", "shmat", "shmctl", "shmdt", "shmget",
    // the machine
    "getcpu", "getrandom", "sysinfo", "uname", "get_mempolicy",
};

// Allowed too, by number: libseccomp 2.5 has no names for them. So below.
inline constexpr int kAllowedNewCalls[] = {
    452,            // fchmodat2
    453,            // map_shadow_stack
    454, 455, 456,  // futex_wake, futex_wait, futex_requeue
    462,            // mseal
};

// Refused aloud (EPERM): a way out of the sandbox, into the kernel, or to other steps.
inline constexpr const char* kRefusedCalls[] = {
    "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig",
    "fsmount", "fspick", "mount_setattr", "swapon", "swapoff", "quotactl", "quotactl_fd", "acct",
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "pidfd_getfd", "kcmp",
    "add_key", "request_key", "keyctl",
    "bpf", "perf_event_open", "userfaultfd", "fanotify_init", "fanotify_mark", "lookup_dcookie",
    "name_to_handle_at", "open_by_handle_at",
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "iopl", "ioperm", "modify_ldt",
    "reboot", "syslog", "sethostname", "setdomainname", "vhangup", "uselib", "nfsservctl",
    "clock_settime", "settimeofday", "adjtimex", "clock_adjtime",
    "migrate_pages", "move_pages", "mbind", "set_mempolicy",
};

// Refused with EOPNOTSUPP, as a file system without them would: attributes could outlive the step unseen.
inline constexpr const char* kUnsupportedCalls[] = {
    "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr",
};

inline constexpr int kUnsupportedNewCalls[] = {463, 466};  // setxattrat, removexattrat

// In the brokered program: held for the supervisor (sendto: only with an address).
inline constexpr const char* kHeldCalls[] = {"connect", "sendmsg", "sendmmsg"};
// And refused (EACCES): a socket of the step may be one of the host's, which must never serve.
inline constexpr const char* kUnnamedCalls[] = {"bind", "listen"};

// fcntl commands given; leases, directory notes and the rest are not. Compared in 32 bits, as the kernel reads them.
inline constexpr unsigned kFcntlCommands[] = {
    0, 1, 2, 3, 4,                 // F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL
    5, 6, 7, 36, 37, 38,           // locks, open file description locks
    8, 9, 10, 11, 15, 16,          // owner and signal
    1030, 1031, 1032,              // F_DUPFD_CLOEXEC, pipe size
    1033, 1034, 1035, 1036, 1037, 1038, 1039, 1040,  // seals, write hints
};

// ioctl requests given.
inline constexpr unsigned kIoctlRequests[] = {
    0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451, 0x5452,  // TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, FIOASYNC
    0x802C542A,                                              // TCGETS2
    0x540F,                                                  // TIOCGPGRP
    0x80086601,                                              // FS_IOC_GETFLAGS
    0x40049409, 0x4020940D, 0xC0189436,                      // FICLONE, FICLONERANGE, FIDEDUPERANGE
};

// Refused aloud: TIOCSTI types into the caller's terminal, TIOCLINUX pastes into a console.
inline constexpr unsigned kRefusedIoctlRequests[] = {0x5412, 0x541C};

}  // namespace airlock::sandbox
