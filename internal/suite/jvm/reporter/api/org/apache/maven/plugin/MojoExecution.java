package org.apache.maven.plugin;

import org.apache.maven.plugin.descriptor.MojoDescriptor;

public class MojoExecution {
    public native String getExecutionId();

    public native String getArtifactId();

    public native String getGroupId();

    public native String getGoal();

    public native String getVersion();

    public native MojoDescriptor getMojoDescriptor();
}
