// Package bench holds the benchmarks of xtest as a whole: what it costs beyond what it runs.
//
// Beware: every figure is a ratio against a bare reference measured in the same run, in turn with it;
// absolute times of different machines, or of one machine on different days, do not compare.
package bench
