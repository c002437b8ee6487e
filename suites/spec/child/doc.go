// Package child runs parts of a spec in processes of their own, because Go is multithreaded and much
// of what is judged belongs to a process: unshare(2) and setns(2) of user and time namespaces, fork
// tricks, credentials, deaths.
//
// There are two kinds. A [Program] is a list of system calls that a forked, single-threaded process
// executes: cheap, exact, and the only way to be single-threaded in Go. A [Func] is Go code in a
// re-executed copy of this binary, born in the namespaces that its start asks for.
//
// Every child has a process group of its own, dies with its parent, and is ended and reaped by
// [KillAll]; a spec calls it through its clean-up.
//
// Beware: a program that is using Func children must call [Main] first thing in main or TestMain.
package child
