// The programs that start a sandboxed command, each as its documentation suggests for a command that is not trusted.
#pragma once

#include <functional>
#include <string>
#include <vector>

// Starts `command` and waits; false: it did not end with 0.
bool spawn_and_wait(std::vector<std::string> command);

struct Peer {
  std::string name;
  std::function<bool()> start;  // one start of `program` in a root of its own, up to its end
};

// Those that are installed and start something here; the others' names go to `missing`. `folder` holds `program`;
// `scratch` is an empty folder for what they need.
std::vector<Peer> find_peers(const std::string& folder, const std::string& program, const std::string& scratch, std::vector<std::string>& missing);
