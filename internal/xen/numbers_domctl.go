package xen

// Commands of domctl (public/domctl.h XEN_DOMCTL_*).
const (
	DomctlDestroyDomain   uint32 = 2
	DomctlPauseDomain     uint32 = 3
	DomctlGetDomainInfo   uint32 = 5
	DomctlGetVCPUInfo     uint32 = 14
	DomctlGetVCPUAffinity uint32 = 25
	DomctlGetAddressSize  uint32 = 36
	DomctlGetTSCInfo      uint32 = 59
	DomctlGetNodeAffinity uint32 = 69
	DomctlGetCPUPolicy    uint32 = 82
	DomctlGetPagingPool   uint32 = 85
)
