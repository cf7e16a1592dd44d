#include "bench/sandbox_floor.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/sys.h"

namespace {

using airlock::sandbox::sys::address;
using airlock::sandbox::sys::call;
using airlock::sandbox::sys::CloneArgs;

constexpr std::size_t kStack = 65536;

struct Bare {
  const char* dir;
  const char* program;
  const char* map;
  long map_size;
};

[[noreturn]] void leave(long status) {
  for (;;) call(SYS_exit_group, status);
}

void need(long result) {
  if (result < 0) leave(125);
}

void put(const char* path, const char* text, long size) {
  const long fd = call(SYS_open, address(path), O_WRONLY, 0);
  need(fd);
  need(call(SYS_write, fd, address(text), size));
  call(SYS_close, fd);
}

// One's own uid may be mapped without anybody's help, so nobody has to be asked.
void child(const Bare* bare) {
  put("/proc/self/setgroups", "deny", 4);
  put("/proc/self/uid_map", bare->map, bare->map_size);
  put("/proc/self/gid_map", bare->map, bare->map_size);
  need(call(SYS_mount, 0, address("/"), 0, MS_REC | MS_PRIVATE, 0));
  const long tree = call(SYS_open_tree, AT_FDCWD, address(bare->dir), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  need(tree);
  mount_attr attr{};
  attr.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  need(call(SYS_mount_setattr, tree, address(""), AT_EMPTY_PATH, address(&attr), sizeof attr));
  need(call(SYS_move_mount, tree, address(""), AT_FDCWD, address("/"), MOVE_MOUNT_F_EMPTY_PATH));
  need(call(SYS_fchdir, tree));
  need(call(SYS_pivot_root, address("."), address(".")));
  need(call(SYS_umount2, address("."), MNT_DETACH));
  const char* argv[] = {bare->program, nullptr};
  const char* env[] = {nullptr};
  call(SYS_execve, address(bare->program), address(argv), address(env));
  leave(126);
}

long clone_child(const CloneArgs& args, const Bare* bare) {
  long result = SYS_clone3;
  register void* function asm("r12") = reinterpret_cast<void*>(&child);
  register const void* argument asm("r13") = bare;
  asm volatile("syscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\tmov %%r13, %%rdi\n\tcall *%%r12\n\thlt\n1:"
               : "+a"(result) : "D"(&args), "S"(sizeof args), "r"(function), "r"(argument) : "rcx", "r11", "memory");
  return result;
}

}  // namespace

bool start_bare(const std::string& dir, const std::string& program) {
  alignas(16) static char stack[kStack];
  const std::string map = std::to_string(::geteuid()) + " " + std::to_string(::geteuid()) + " 1";
  const Bare bare{dir.c_str(), program.c_str(), map.c_str(), static_cast<long>(map.size())};
  CloneArgs args;
  args.flags = CLONE_VM | CLONE_VFORK | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  args.exit_signal = SIGCHLD;
  args.stack = reinterpret_cast<std::uintptr_t>(stack);
  args.stack_size = kStack;
  const long pid = clone_child(args, &bare);
  int status = 0;
  return pid > 0 && ::waitpid(static_cast<pid_t>(pid), &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
