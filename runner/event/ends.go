package event

// Ways in which a guest of Xen's can end: the reason that it gave or got (public/sched.h SHUTDOWN_*), told
// apart by whether its own kernel cried before.
const (
	PoweredOff = "powered off"
	Rebooted   = "rebooted"
	Suspended  = "suspended"
	DomCrashed = "crashed by Xen"
	Panicked   = "panicked"
	DomWatched = "ended by its watchdog"
	SoftReset  = "soft reset"
	Hung       = "hung"
)
