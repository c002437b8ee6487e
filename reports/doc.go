// Package reports draws everything that is shown of a run from its record: the terminal's table and
// live progress, JSON, JUnit XML and the exit code. It boots and measures nothing, so that a report
// can be drawn again, elsewhere and later, and after xtest itself was killed.
//
// A record becomes a report in two steps: [Read] takes the events from a run's folder, [Fold] makes
// a [Model] of them. [Table], [JSON] and [JUnit] write a model, [Diff] one or several; [Progress] folds
// events while they come. All of them judge by the same rules, which are in [Folder].
//
// Beware: most strings in a record were chosen by a machine that is not trusted, names of specs and
// suites included. Whatever writes to a terminal or a document has to pass them through [Clean] or
// [CleanLines], and a command to be copied through the quoting in shell.go.
package reports
