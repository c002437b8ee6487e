package kvm

// count is how many facts the specs hold that are judged: a call, its input, and what it may be answered.
var count int

// Facts is how many facts the specs judge, as far as their containers have been built (spec.All builds
// them). Those whose answer is open are not among them.
func Facts() int { return count }
