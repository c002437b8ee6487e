// Package trace reads what the kernel's function_graph tracer wrote (Documentation/trace/ftrace.rst) and
// says which functions carry the difference between two traces.
//
// Beware: tracing costs, per traced call, more than many a function does. The times in a trace are there to
// be compared with those of another trace; what a benchmark takes is measured in boots that are not traced.
package trace
