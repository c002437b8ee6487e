// Package html draws runs as one page for a browser: a single file without a connection to anything, or
// the same page served. What is large, the matrix of targets and specs, goes into it as compact data
// that the page's own script draws as far as it is looked at; all else is written here.
//
// Beware: nearly every string was chosen by a machine that is not trusted. All of them pass through
// [reports.Clean] first, so that what does not print is seen, and then through [markup.add] or, in the data,
// encoding/json, which escape them for the place where they stand. The page's policy lets no script
// and no style run but its own, which are named by their hashes.
package html
