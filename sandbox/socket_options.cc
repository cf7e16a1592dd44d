#include "sandbox/socket_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstring>

namespace airlock::sandbox {
namespace {

struct Option {
  int level, name;
  bool doubled = false;  // the kernel says twice what was set
};
constexpr Option kOptions[] = {
    {SOL_SOCKET, SO_KEEPALIVE}, {SOL_SOCKET, SO_OOBINLINE}, {SOL_SOCKET, SO_LINGER}, {SOL_SOCKET, SO_RCVTIMEO}, {SOL_SOCKET, SO_SNDTIMEO},
    {SOL_SOCKET, SO_RCVBUF, true}, {SOL_SOCKET, SO_SNDBUF, true}, {SOL_SOCKET, SO_RCVLOWAT},
    {IPPROTO_TCP, TCP_NODELAY}, {IPPROTO_TCP, TCP_CORK}, {IPPROTO_TCP, TCP_KEEPIDLE}, {IPPROTO_TCP, TCP_KEEPINTVL}, {IPPROTO_TCP, TCP_KEEPCNT},
    {IPPROTO_TCP, TCP_USER_TIMEOUT}, {IPPROTO_TCP, TCP_SYNCNT}, {IPPROTO_TCP, TCP_MAXSEG}, {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    {IPPROTO_IP, IP_TOS}, {IPPROTO_IP, IP_TTL}};
constexpr Option kOptionsOfV6[] = {{IPPROTO_IPV6, IPV6_V6ONLY}, {IPPROTO_IPV6, IPV6_TCLASS}, {IPPROTO_IPV6, IPV6_UNICAST_HOPS}};

// Only what differs: to set a buffer's size at all turns off its growing.
void copy(const Option& option, int from, int to) {
  alignas(timeval) unsigned char set[sizeof(timeval)]{}, fresh[sizeof(timeval)]{};
  socklen_t size = sizeof set, other = sizeof fresh;
  if (::getsockopt(from, option.level, option.name, set, &size) != 0 || ::getsockopt(to, option.level, option.name, fresh, &other) != 0) return;
  if (size == other && std::memcmp(set, fresh, size) == 0) return;
  if (option.doubled) {
    int value = 0;
    std::memcpy(&value, set, sizeof value);
    value /= 2;
    std::memcpy(set, &value, sizeof value);
  }
  (void)::setsockopt(to, option.level, option.name, set, size);  // ignoring: see the header
}

}  // namespace

void copy_socket_options(int from, int to, int domain) {
  for (const Option& option : kOptions) copy(option, from, to);
  if (domain != AF_INET6) return;
  for (const Option& option : kOptionsOfV6) copy(option, from, to);
}

}  // namespace airlock::sandbox
