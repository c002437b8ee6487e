// Package history keeps what runs measured, a file for each in one folder, and finds the runs with which
// a benchmark changed. The files are Go's benchmark format (see xtest/reports/bench): they can be committed,
// merged and read without xtest.
//
// Beware: a change point says between which runs something changed, not what did. Runs that were
// measured differently, or of which some are missing, show the same step as a slower kernel.
package history
