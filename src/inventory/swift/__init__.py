"""Swift's tests: XCTest and Swift Testing."""
