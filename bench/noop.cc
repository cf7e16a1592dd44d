// A step that succeeds at once: what is left of its time is the cost of running a step.
int main() { return 0; }
