// What the steps of the runner's tests do. Shared by the program that runs in the real sandbox and by the scripted
// cell, so that both give the same outputs. Plain C++, no airlock library: the program is small and static.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

namespace airlock::test {

struct Verb {
  std::vector<std::string> words;   // the verb and what it is given
  std::string in, out;              // folders: /in and /out
  std::string run;                  // AIRLOCK_RUN_ID
  int attempt = 1;                  // AIRLOCK_ATTEMPT
};

inline void put(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// "PATH=TEXT;" for every file below `in`, by path.
inline std::string everything_below(const std::string& in) {
  std::vector<std::string> paths;
  if (std::filesystem::exists(in))
    for (const auto& entry : std::filesystem::recursive_directory_iterator(in, std::filesystem::directory_options::follow_directory_symlink))
      if (entry.is_regular_file()) paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  std::string all;
  for (const std::string& path : paths) all += path.substr(in.size() + 1) + "=" + slurp(path) + ";";
  return all;
}

//   write PATH TEXT     writes a file
//   cat PATH            writes everything below /in into one file
//   flaky N K PATH      exits with N before attempt K, then writes PATH
//   stamp PATH          writes the run's id: another run writes another one
//   mkdir PATH          makes an empty folder
//   link PATH TARGET    makes a symbolic link
//   say TEXT            on stdout
//   exit N
inline int perform(const Verb& v) {
  const auto word = [&](std::size_t i) { return i < v.words.size() ? v.words[i] : std::string(); };
  const std::string verb = word(0), path = v.out + "/" + word(1);
  if (verb == "write") put(path, word(2));
  else if (verb == "cat") put(path, everything_below(v.in));
  else if (verb == "stamp") put(path, v.run);
  else if (verb == "mkdir") std::filesystem::create_directories(path);
  else if (verb == "link") std::filesystem::create_symlink(word(2), path);
  else if (verb == "say") std::cout << word(1) << "\n";
  else if (verb == "exit") return std::stoi(word(1));
  else if (verb == "flaky" && v.attempt < std::stoi(word(2))) return std::stoi(word(1));
  else if (verb == "flaky") put(v.out + "/" + word(3), "at last");
  else if (verb != "nothing") return 64;
  return 0;
}

}  // namespace airlock::test
