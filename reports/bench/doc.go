// Package bench judges benchmarks: from the samples on the record of two runs to one verdict for each,
// and from a folder of runs to where one changed.
//
// Beware: the unit of replication is the boot, not the sample. Within a boot all samples share one
// layout of the kernel's addresses, which alone is worth percents, so the samples of a boot become one
// number, their median, before anything is compared. A thousand samples of one boot prove nothing.
package bench
