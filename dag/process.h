// dag/process.h — a step that is a process of the operating system.
//
// The function "process" (kProcessFunction) takes what dag/load.h makes of a Process message: argv,
// env, stdin and stdout as parameters (dag/spec.h names them). It puts the inputs that argv and env
// name by ${input.NAME} into files of a temporary directory, runs the program in the step's
// directory with PATH and the step's own variables as its whole environment, and reads the outputs
// that ${output.NAME} names from files there; the directory is removed afterwards. A program that
// returns something else than 0, or is ended by a signal, fails the step; the message ends with the
// last lines of its standard error, which otherwise goes to the step's log.
//
// A process can look at anything, so it is not pure unless the graph vouches for it.
//
//   Cancellation     The process group gets SIGTERM, and SIGKILL after a grace (io/process.h).
#ifndef WEFT_DAG_PROCESS_H_
#define WEFT_DAG_PROCESS_H_

#include <memory>

#include "dag/function.h"
#include "reactor/reactor.h"

namespace weft {

// Makes the function "process". `reactor` outlives it.
std::unique_ptr<StepFunction> MakeProcessFunction(Reactor& reactor);

}  // namespace weft

#endif  // WEFT_DAG_PROCESS_H_
