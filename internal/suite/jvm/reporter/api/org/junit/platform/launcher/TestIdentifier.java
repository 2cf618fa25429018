package org.junit.platform.launcher;

public class TestIdentifier {
    public native String getUniqueId();

    public native String getDisplayName();

    public native boolean isTest();
}
