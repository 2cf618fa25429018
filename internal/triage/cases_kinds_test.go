package triage

// kindCases are kinds of failures that triage once got wrong, each with a neighbour that looks alike and is another.
var kindCases = []labelled{
	// A symptom is not a cause: the output of a process under test says why.
	{"refused, and the service does not start", "junit5", "connect ECONNREFUSED 10.1.2.3:8080",
		"--- orders log ---\nAPPLICATION FAILED TO START\nCaused by: org.springframework.beans.factory.UnsatisfiedDependencyException: no bean of type Clock",
		"failed failed stable src/main/java/acme/orders/Config.java", product},
	{"refused, and no process exited", "junit5", "connect ECONNREFUSED 10.1.2.3:8080", "--- orders log ---\nStarted Orders in 2.1 seconds",
		"failed failed stable", env},
	{"cut answer behind a panic", "gotest", `Get "http://127.0.0.1:9000/cases": EOF`,
		"backend stderr:\npanic: assignment to entry in nil map\n\ngoroutine 9 [running]:\nacme/store.Put(...)\n\t/src/store/put.go:14",
		"ok failed stable store/put.go", product},
	{"the service lacks a module", "pytest", "requests.exceptions.HTTPError: 502 Server Error: Bad Gateway for url: http://web:8000/",
		"---- container log: web ----\n  File \"/app/web/main.py\", line 3, in <module>\nModuleNotFoundError: No module named 'web.pricing'",
		"ok failed stable web/main.py", product},
	{"the service has no disk", "pytest", "ConnectionResetError: [Errno 104] Connection reset by peer",
		"---- container log: web ----\npanic: write /data/wal: no space left on device", "ok failed stable", env},
	{"the test's own panic is no service", "gotest", "panic: assignment to entry in nil map",
		"panic: assignment to entry in nil map\n\ngoroutine 9 [running]:\nacme/e2e.TestPut(...)\n\t/src/e2e/put_test.go:14",
		"ok failed new e2e/put_test.go", test},
	{"the tool that starts the cluster is no service", "kubernetes", "cluster did not come up within 300 seconds", "run.go:20: error: exit status 2",
		"failed none flaky", env},
	// Case matters where it means something.
	{"a setting", "pytest", "SMTP_HOST must be set", "", "ok none new", env},
	{"a field of an answer", "jest", `expected 200, got 422: {"errors":["start_date must be set"]}`, "", "ok failed stable app/task.rb", product},
	{"a variable", "pytest", "KeyError: 'SMTP_HOST'", "", "ok none new", env},
	{"a key of the product", "pytest", "KeyError: 'line_items'", "/app/views/cart.py:8: in show\nE   KeyError: 'line_items'",
		"ok failed stable app/views/cart.py", product},
	// A headline says nothing: the body does.
	{"the place and the title", "playwright", "pay.spec.ts:7:3 pays by card",
		"  [firefox] › pay.spec.ts:7:3 › pays by card\n\n    Error: expect(locator).toBeVisible() failed\n\n    Locator: getByText('Paid')" +
			"\n    Error: element(s) not found",
		"ok failed stable web/src/pay.tsx", product},
	{"the page's own script", "testcafe", `A JavaScript error occurred on "http://localhost:3000/cart".`,
		"JavaScript error details:\nTypeError: Cannot read properties of null (reading 'sum')" +
			"\n    at Cart (http://localhost:3000/assets/app.js:1:9)", "ok failed stable web/src/cart.ts",
		product},
	{"Playwright's locator", "playwright", "Error: locator.click: Test timeout of 5000ms exceeded.", "Call log:\n  - waiting for getByRole('button')",
		"ok failed new", unknown},
	{"a matcher that failed", "playwright", "Error: expect(locator).toBeVisible() failed", "Locator: getByText('12')\nExpected: visible\nError: element(s) not found",
		"ok failed new", unknown},
	{"a matcher that failed after a change", "playwright", "Error: expect(locator).toBeVisible() failed",
		"Locator: getByText('12')\nExpected: visible\nError: element(s) not found", "ok failed stable web/src/Sum.tsx", product},
	// Whose host it is.
	{"a public host", "pytest", "502 Server Error: Bad Gateway for url: https://echo.weather-of-nowhere.org/v1", "", "ok failed stable", external},
	{"a public host, and nothing is healthy", "pytest", "getaddrinfo ENOTFOUND echo.weather-of-nowhere.org", "", "failed failed stable", env},
	{"the resolver is no party", "gotest", "dial tcp: lookup echo.weather-of-nowhere.org on 10.0.0.2:53: no such host", "", "ok passed stable", external},
	{"an internal name", "gotest", "dial tcp: lookup orders.shop.svc: no such host", "", "ok failed stable", env},
	{"a browser goes to the product", "playwright", "page.goto: net::ERR_CONNECTION_CLOSED at https://shop.acme.com/", "", "ok passed stable", env},
	{"the pull limit of a registry",
		"junit5", "Failed to pull image: mysql:8", "Caused by: x: toomanyrequests: You have reached your pull rate limit.", "ok passed stable",
		external},
	{"a vendor's client", "rspec", "RateLimited: (Status 429) too many requests", "Failure/Error: Stripe::Charge.create(amount: 3)",
		"ok failed stable", external},
	// The direction of a difference.
	{"a value too many", "jest", `Expected: ["red", "green"] Received: ["red", "blue", "green"]`, "", "ok passed flaky", data},
	{"a value too few", "jest", `Expected: ["red", "green"] Received: ["red"]`, "", "ok passed flaky", timing},
	{"a row too many", "scalatest", "5 was not equal to 4", "", "ok passed stable", data},
	{"an amount is no count", "scalatest", "50000 was not equal to 40000", "", "ok passed flaky", timing},
	{"a printed difference with more", "nodetest", "Expected values to be strictly deep-equal:\n+ actual - expected\n\n  [\n    'a',\n+   'b'\n  ]", "",
		"ok passed flaky", data},
	// What time and the change tell.
	{"a table that comes and goes", "pytest", `sqlite3.OperationalError: no such table: carts`, "", "ok passed flaky", data},
	{"the test asks for a wrong column", "bats", "ERROR: column e.kind does not exist", "scripts/smoke/list.sh:4", "ok failed new scripts/smoke/list.sh", test},
	{"only a lock file", "junit5", "expected: <A> but was: <B>", "", "ok failed stable package-lock.json", unknown},
	{"a name that the test does not know", "playwright", "ReferenceError: cart is not defined", "    at /w/e2e/cart.spec.ts:4:1", "ok none new", test},
	// Words alone.
	{"words that no rule knows", "jest", "the frobnicator is out of sync", "", "ok failed stable src/frob.ts", product},
	{"words that no rule knows, once", "jest", "the frobnicator is out of sync", "", "ok passed stable", unknown},
	{"a page that shows a fault", "xunit", "expected: <No orders> but was: <Connection refused by peer>", "", "ok failed stable src/Orders.cs", product},
	{"killed by the kernel", "jest", "A worker process was terminated: signal=SIGKILL", "kernel: Out of memory: Killed process 7 (node)",
		"ok failed stable src/a.ts", env},
}
