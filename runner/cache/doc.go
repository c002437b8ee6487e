// Package cache is the content-addressed store that all runs of a user share: fetched files
// (blobs), folders made from them (trees) and small named notes (pins).
//
// Beware: a path that Blob or Tree returned is protected from a concurrent prune only until
// [Cache.Close]; keep the Cache open for as long as a machine uses what is in it.
//
// Layout, below the cache's folder:
//
//	blobs/sha256/ab/<hash>       a file, verified when it was stored; <hash>.json names it
//	trees/sha256/ab/<key>/       a folder, complete when it is there; <key>.json names it
//	pins/<escaped name>          a small file
//	locks/<kind>-<key>.make      flock(2): exclusive to make or remove an entry
//	locks/<kind>-<key>.use       flock(2): shared to use an entry, exclusive to remove it
//	tmp/<kind>-<key>.<random>    what is being made; left over when its lock is free
package cache
