// sandbox/socket_options: what a program may have set on a socket before it connects, given to another socket.
#pragma once

namespace airlock::sandbox {

// TCP sockets of the same domain. What cannot be given is left as it is: no program depends on it to be correct.
void copy_socket_options(int from, int to, int domain);

}  // namespace airlock::sandbox
