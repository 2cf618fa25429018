package triage

// family is a kind of signal: failures that read alike and are decided alike.
type family int

// The families, most telling first: where a failure shows several at its root,
// the first decides. Words about the machine and the test's own framework beat
// everything, since nothing was tested; words about what is beside the product
// beat statuses; an assertion comes last, being the symptom of whatever else is
// there.
const (
	famNone family = iota
	// Without packages and machines nothing else counts.
	famPackages // dependencies could not be installed
	famPlatform // cluster, container or machine
	// The test.
	famMisuse   // the framework says that the test is written wrongly
	famLoose    // a locator that finds several elements
	famCompile  // the test code does not compile or load
	famTestCode // an error that the framework places in test code
	famLink     // a class or method is missing at run time
	// What is beside the product.
	famOutside   // a third party could not be reached
	famExternal  // a third party answered with a fault
	famCatalog   // parallel set-ups of a database met
	famCollision // data of another test or run
	famDeadlock  // transactions of several tests met
	famBrowser   // browser or driver
	famSaturated // memory, disk, file descriptors
	famConfig    // something is not set up
	famCredentials
	famSchema
	famDatabase
	famPool
	famBroker   // broker down
	famSettling // broker still arranging itself
	famTrust    // certificates
	famNames    // DNS
	famNetwork  // refused, no route
	famReset    // closed in the middle
	famSlow     // no answer in time
	famLimit    // too many requests, by whom is not said
	famEnded    // a process of the product ended by itself
	// What the product answered.
	famGateway
	famServer
	famConflict
	famDenied
	famMissing
	// What happened in code.
	famAppCode
	famUndefined // a name that the code does not know
	famException
	famClock
	famRandom
	famOrder
	// What the test waited for.
	famElement
	famSelector
	famEvent // a business state that did not come in time
	famWait
	famTestTimeout
	// What the test asserted.
	famVisual
	famOutcome
	famWords // a sentence that says what should be, without a pair of values
	famCrash // killed, exit status, no words
	famPlain // words that no rule knows
	families
)

// familyNames are the names of families in patterns.txt.
var familyNames = map[string]family{
	"none": famNone, "packages": famPackages, "platform": famPlatform, "misuse": famMisuse, "loose": famLoose, "compile": famCompile,
	"testcode": famTestCode, "link": famLink, "external": famExternal, "outside": famOutside, "collision": famCollision,
	"deadlock": famDeadlock, "browser": famBrowser, "saturated": famSaturated, "config": famConfig, "credentials": famCredentials,
	"schema": famSchema, "database": famDatabase, "pool": famPool, "broker": famBroker, "settling": famSettling, "trust": famTrust,
	"names": famNames, "network": famNetwork, "reset": famReset, "slow": famSlow, "limit": famLimit, "gateway": famGateway,
	"server": famServer, "conflict": famConflict, "denied": famDenied, "missing": famMissing, "appcode": famAppCode,
	"exception": famException, "undefined": famUndefined, "clock": famClock, "random": famRandom,
	"order": famOrder, "element": famElement, "selector": famSelector,
	"event": famEvent, "wait": famWait, "testtimeout": famTestTimeout, "visual": famVisual, "outcome": famOutcome, "words": famWords,
	"crash": famCrash, "ended": famEnded, "plain": famPlain, "catalog": famCatalog,
}

// mark is a fact about a failure that is not in the context.
type mark uint32

const (
	markLag     mark = 1 << iota // the actual value is an earlier state of the expected one
	markCreates                  // the test is about creating what is said to exist
	markAuth                     // the change touches who may do what
	markUI                       // the change touches what is shown
	markSchema                   // the change touches the database's schema
	markHarness                  // the change touches what all tests stand on
	markMany                     // many tests failed in this way
	markOwnPort                  // the port was opened by the test itself
	markService                  // a well-known port of infrastructure: database, broker, cache
	markTestFrame
	markProductFrame
	markRunnerOnly
	markDiffers      // the rerun failed in another way
	markStatus       // the assertion is about an HTTP status
	markFourxx       // the third party refused the request itself
	markFramed       // the framework calls it an assertion
	markTexted       // there is a text at all
	markMore         // the actual value holds all of the expected one, and more
	markChangedFrame // the innermost own frame is in a changed file
	markTestLib      // the innermost frame is of a test framework, and none is ours
	markKilled       // the kernel ended a process
	markExcluded     // the other end is a third party by exclusion alone
	markPressure     // the machine was measured to be short of something
)

var markWords = map[string]mark{
	"lag": markLag, "creates": markCreates, "auth": markAuth, "ui": markUI, "schema": markSchema, "harness": markHarness, "many": markMany,
	"ownport": markOwnPort, "service": markService, "testframe": markTestFrame, "productframe": markProductFrame, "runneronly": markRunnerOnly,
	"differs": markDiffers, "status": markStatus, "4xx": markFourxx, "framed": markFramed, "words": markTexted, "more": markMore,
	"changedframe": markChangedFrame, "testlib": markTestLib, "killed": markKilled, "pressure": markPressure, "excluded": markExcluded,
}
